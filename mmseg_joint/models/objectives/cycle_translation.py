from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import ModuleDict
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_joint.models.losses.cross_entropies import gan_loss
from mmseg_joint.models.precision import full_precision

from .base import Objective, ObjectiveResult, call_frozen
from .domains import DerivedDomain, DomainInput, DomainOutput
from .image_pool import ImagePool
from .segmentor_handle import SegmentorHandle

OTHER = {'source': 'target', 'target': 'source'}
# CycleGAN's D: 64-128-256 of stride 2, then 512 and 1
DISCRIMINATOR = {
    'type': 'PatchDiscriminator',
    'channels': (64, 128, 256, 512),
    'kernel_size': 4,
    'stride': (2, 2, 2, 1, 1),
    'negative_slope': 0.2,
    'instance_norm': True,
    'init_cfg': {'type': 'Normal', 'layer': 'Conv2d', 'std': 0.02},
}


@MODELS.register_module()
class CycleTranslation(Objective):
    """Learns to translate images of either domain into the look of the other: BDL's translation.

    "Bidirectional Learning for Domain Adaptation of Semantic Segmentation" (Li et al., CVPR 2019),
    its image-to-image translation: CycleGAN with an identity loss and a perceptual one, by which a
    frozen segmentor M should see the same in an image, its translation and its reconstruction. With
    A of the source, B of the target, fB = G_target(A), fA = G_source(B), rA = G_source(fB) and rB =
    G_target(fA):

    `L_G = (D_target(fB) - 1)² + (D_source(fA) - 1)² + 10 (|rA - A| + |rB - B|)`
    `+ 5 (|G_target(B) - B| + |G_source(A) - A|) + .1 [S(fB, A) + S(fA, B)]`
    `+ 10 [S(rA, A) + S(rB, B)]`, with S(x, y) the mean of (IN(M(x)) - IN(M(y)))², IN an instance
    norm of M's scores.

    M is the model's own segmentor, which this objective freezes: give its checkpoint as
    `load_from`. Labels are not read: make the source's dataset `Unlabeled`, or its supervised loss
    is computed for nothing.

    Args:
        segmentor: M; the model fills it in.
        generator: What differs from the paper's :class:`TranslationGenerator`.
        discriminator: What differs from CycleGAN's :class:`PatchDiscriminator`.
        cycle_weight: Weight of `|rA - A| + |rB - B|`.
        identity_weight: Weight of `|G_target(B) - B| + |G_source(A) - A|`.
        perceptual_weight: Weight of S(fB, A) + S(fA, B); 0 leaves M out.
        perceptual_cycle_weight: Weight of S(rA, A) + S(rB, B); 0 likewise.
        pool_size: How many earlier translations the discriminators see besides the newest.
        pool_image_size: Height and width of the images in training, for the pool.
        target: The domain used as the target.
    """

    output_domains = ()  # it runs the segmentor itself, on its translations
    freezes_segmentor = True

    def __init__(
        self,
        segmentor: SegmentorHandle,
        generator: dict[str, Any] | None = None,
        discriminator: dict[str, Any] | None = None,
        cycle_weight: float = 10.0,
        identity_weight: float = 5.0,
        perceptual_weight: float = 0.1,
        perceptual_cycle_weight: float = 10.0,
        pool_size: int = 50,
        pool_image_size: Sequence[int] = (512, 512),
        target: str = 'unlabeled',
    ) -> None:
        super().__init__()
        self.segmentor = segmentor
        self.target = target
        self.domains = ('source', target)
        generator = {'type': 'TranslationGenerator', **(generator or {})}
        discriminator = {**DISCRIMINATOR, **(discriminator or {})}
        self.generators = ModuleDict({look: MODELS.build(generator) for look in OTHER})
        self.discriminators = ModuleDict({look: MODELS.build(discriminator) for look in OTHER})
        self.pools = nn.ModuleDict({look: ImagePool(pool_size, pool_image_size) for look in OTHER})
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.perceptual_weight = perceptual_weight
        self.perceptual_cycle_weight = perceptual_cycle_weight
        self._images: dict[str, Tensor] = {}

    def translate(self, images: Tensor) -> Tensor:
        """Translate the source's images, (N, 3, H, W) in [-1, 1], into the look of the target."""
        return self._translate('target', images)

    def derive(self, domains: dict[str, DomainInput]) -> dict[str, DerivedDomain]:
        """Keep the images, and make no domain."""
        self._images = {
            'source': domains['source'].unit_images,
            'target': domains[self.target].unit_images,
        }
        return {}

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Compute the terms of the generators' loss, and the discriminators' loss and accuracy."""
        images, self._images = self._images, {}
        fake = {OTHER[look]: self._translate(OTHER[look], image) for look, image in images.items()}
        back = {OTHER[look]: self._translate(OTHER[look], image) for look, image in fake.items()}
        own = images if self.identity_weight else {}
        same = {look: self._translate(look, image) for look, image in own.items()}
        losses = {
            'loss_generator': sum(
                gan_loss(call_frozen(self.discriminators[look], image), 1.0, F.mse_loss)
                for look, image in fake.items()
            ),
            'loss_cycle': self.cycle_weight * _distance(back, images),
            **self._perceptual(images, fake, back),
        }
        if same:
            losses['loss_identity'] = self.identity_weight * _distance(same, images)
        accuracies = []
        for look, discriminator in self.discriminators.items():
            real = discriminator(images[look])
            pooled = discriminator(self.pools[look](fake[look].detach()))
            d_loss = gan_loss(real, 1.0, F.mse_loss) + gan_loss(pooled, 0.0, F.mse_loss)
            losses[f'loss_discriminator_{look}'] = 0.5 * d_loss
            accuracies += [(real > 0.5).double().mean(), (pooled <= 0.5).double().mean()]
        return ObjectiveResult({**losses, 'accuracy': torch.stack(accuracies).mean()})

    def visualize(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """Return each domain's images in the look of the other."""
        domains = {'source': 'target', self.target: 'source'}
        return {
            domain: {'translated': self._translate(look, outputs[domain].unit_images)}
            for domain, look in domains.items()
        }

    def _translate(self, look: str, images: Tensor) -> Tensor:
        return full_precision(self.generators[look](images))

    def _perceptual(
        self, images: dict[str, Tensor], fake: dict[str, Tensor], back: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        if not (self.perceptual_weight or self.perceptual_cycle_weight):
            return {}
        losses: dict[str, Any] = {'loss_perceptual': 0.0, 'loss_perceptual_cycle': 0.0}
        for look, image in images.items():
            wanted = self._scores(image, graph=False)
            for name, weight, drawn in (
                ('loss_perceptual', self.perceptual_weight, fake[OTHER[look]]),
                ('loss_perceptual_cycle', self.perceptual_cycle_weight, back[look]),
            ):
                losses[name] += weight * F.mse_loss(self._scores(drawn, graph=True), wanted)
        return losses

    def _scores(self, images: Tensor, graph: bool) -> Tensor:
        """Compute M's scores of images in [-1, 1], normalized for each image and class."""
        scores = self.segmentor.evaluate(self.segmentor.normalize(images), graph=graph)[1]
        return F.instance_norm(full_precision(scores))


def _distance(drawn: dict[str, Tensor], images: dict[str, Tensor]) -> Any:
    return sum(F.l1_loss(image, images[look]) for look, image in drawn.items())
