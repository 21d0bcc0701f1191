from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import ModuleDict
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_joint.models.losses.cross_entropies import gan_loss
from mmseg_joint.models.precision import full_precision

from .base import Objective, ObjectiveResult, call_frozen
from .domains import DomainOutput

OTHER = {'source': 'target', 'target': 'source'}


@MODELS.register_module()
class CrossDomainGAN(Objective):
    """Makes images generated from either domain's features pass for the other's.

    The adversarial half of "Penalizing Top Performers: Conservative Loss for Semantic Segmentation
    Adaptation" (Zhu et al., ECCV 2018), after its abstract, details ours (C5-C8): LSD-seg's
    generator reconstructs images from features of either domain; one patch discriminator per domain
    tells that domain's images from generated ones. G is trained to fool the discriminator of its
    input's domain and to reconstruct the image, the backbone to let G fool the other one.

    Args:
        generator: What differs from LSD-seg's :class:`LSDGenerator`.
        discriminator: What differs from HRS's :class:`PatchDiscriminator`.
        feature_indices: Which of the backbone's outputs G reads: the finest, middle and deepest.
        encoder_weight: λ of the backbone's adversarial loss.
        generator_weight: λ of G's adversarial loss.
        reconstruction_weight: λ of the mean distance of reconstructed images.
        target: The domain used as the target.
    """

    def __init__(
        self,
        generator: dict[str, Any] | None = None,
        discriminator: dict[str, Any] | None = None,
        feature_indices: Sequence[int] = (1, 2, 4),
        encoder_weight: float = 0.001,
        generator_weight: float = 1.0,
        reconstruction_weight: float = 1.0,
        target: str = 'unlabeled',
    ) -> None:
        super().__init__()
        self.generator = MODELS.build({'type': 'LSDGenerator', **(generator or {})})
        config = {'type': 'PatchDiscriminator', **(discriminator or {})}
        self.discriminators = ModuleDict({look: MODELS.build(config) for look in OTHER})
        self.feature_indices = tuple(feature_indices)
        self.encoder_weight = encoder_weight
        self.generator_weight = generator_weight
        self.reconstruction_weight = reconstruction_weight
        self.target = target
        self.domains = ('source', target)

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Compute the losses of backbone, G and discriminators, and the discriminator accuracy."""
        given = {'source': outputs['source'], 'target': outputs[self.target]}
        drawn = {look: self._draw(output) for look, output in given.items()}
        encoder, generator, distance, d_loss, right = [], [], [], [], []
        for look, output in given.items():
            features = [output.features[index] for index in self.feature_indices]
            passed = call_frozen(self.generator, features, output.inputs.shape[-2:])
            passed = 2 * full_precision(passed) - 1
            encoder.append(gan_loss(call_frozen(self.discriminators[OTHER[look]], passed), 1.0))
            generator.append(gan_loss(call_frozen(self.discriminators[look], drawn[look]), 1.0))
            distance.append(F.l1_loss(drawn[look], output.unit_images))
            discriminator = self.discriminators[look]
            real = discriminator(output.unit_images)
            fakes = [discriminator(image.detach()) for image in drawn.values()]
            d_loss += [gan_loss(real, 1.0), *(0.5 * gan_loss(fake, 0.0) for fake in fakes)]
            right += [(real > 0).double().mean(), *((fake <= 0).double().mean() for fake in fakes)]
        return ObjectiveResult(
            {
                'loss_encoder': self.encoder_weight * torch.stack(encoder).sum(),
                'loss_generator': self.generator_weight * torch.stack(generator).sum(),
                'loss_reconstruction': self.reconstruction_weight * torch.stack(distance).sum(),
                'loss_discriminators': torch.stack(d_loss).sum(),
                'accuracy': torch.stack(right).mean(),
            }
        )

    def visualize(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """Return the generated images."""
        return {domain: {'reconstructed': self._draw(outputs[domain])} for domain in self.domains}

    def _draw(self, output: DomainOutput) -> Tensor:
        """Generate images in [-1, 1] that train G alone."""
        features = [output.features[index].detach() for index in self.feature_indices]
        return 2 * full_precision(self.generator(features, output.inputs.shape[-2:])) - 1
