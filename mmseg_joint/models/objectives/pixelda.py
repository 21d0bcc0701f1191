from __future__ import annotations

from typing import Any

from mmseg.registry import MODELS
from torch import Tensor

from mmseg_joint.models.losses.cross_entropies import gan_loss
from mmseg_joint.models.precision import full_precision

from .base import Objective, ObjectiveResult, call_frozen, probability_map
from .domains import DerivedDomain, DomainInput, DomainOutput

TRANSLATED = 'translated'


@MODELS.register_module()
class PixelDA(Objective):
    """Also trains on source images that a generator has made look like target ones.

    "Unsupervised Pixel-Level Domain Adaptation with Generative Adversarial Networks" (Bousmalis et
    al., CVPR 2017), Eq. 1-3, given the labels of both domains (B6). The generator G turns the
    source's images into those of a new domain, `translated`, on which the segmentor is trained
    with the source's labels, besides the source and the target. Gradients: that supervised loss
    reaches the segmentor and G, the adversarial loss G only, D's loss D only.

    Args:
        generator: What differs from the paper's :class:`PixelDAGenerator`.
        discriminator: What differs from the paper's :class:`PixelDADiscriminator`.
        task_weight: Weight of the supervised loss on the translated images, for the segmentor and
            for G (B9).
        generator_weight: Weight of G's adversarial loss (B9).
        discriminator_weight: Weight of D's loss.
    """

    gradient_domains = ()  # the segmentor learns from supervised losses, on one more domain

    def __init__(
        self,
        generator: dict[str, Any] | None = None,
        discriminator: dict[str, Any] | None = None,
        task_weight: float = 1.0,
        generator_weight: float = 1.0,
        discriminator_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.generator = MODELS.build({'type': 'PixelDAGenerator', **(generator or {})})
        self.discriminator = MODELS.build({'type': 'PixelDADiscriminator', **(discriminator or {})})
        self.task_weight = task_weight
        self.weighs_pixels = task_weight != 1.0
        self.generator_weight = generator_weight
        self.discriminator_weight = discriminator_weight

    def derive(self, domains: dict[str, DomainInput]) -> dict[str, DerivedDomain]:
        """Make `translated`: the source in the look of the target, with a graph to G."""
        source = domains['source']
        images = full_precision(self.generator(source.unit_images))
        weights = None
        if self.weighs_pixels:
            weights = images.new_full(source.truth.shape, self.task_weight)
        return {TRANSLATED: DerivedDomain(images, source.truth, weights)}

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Compute the adversarial loss of G, D's loss, and D's accuracy for the log."""
        translated, target = outputs[TRANSLATED].unit_images, outputs['target'].unit_images
        adv_logits = call_frozen(self.discriminator, translated)
        real = self.discriminator(target)
        fake = self.discriminator(translated.detach())
        d_loss = gan_loss(real, 1.0) + gan_loss(fake, 0.0)
        return ObjectiveResult(
            {
                'loss_generator': self.generator_weight * gan_loss(adv_logits, 1.0),
                'loss_discriminator': self.discriminator_weight * d_loss,
                'accuracy_real': (real > 0).double().mean(),
                'accuracy_fake': (fake <= 0).double().mean(),
            }
        )

    def visualize(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """Return the translated images, and how much D takes its two kinds of images for real."""
        translated = outputs[TRANSLATED].unit_images
        found = {'source': {'translated': translated}}
        for domain, images in ((TRANSLATED, translated), ('target', outputs['target'].unit_images)):
            found[domain] = {'D says real': probability_map(self.discriminator(images))}
        return found
