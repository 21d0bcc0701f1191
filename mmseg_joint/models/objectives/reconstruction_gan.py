from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss

from mmseg_joint.models.losses.cross_entropies import gan_loss
from mmseg_joint.models.precision import full_precision

from .base import Objective, ObjectiveResult, call_frozen, call_together, probability_map
from .domains import DomainOutput


@MODELS.register_module()
class ReconstructionGAN(Objective):
    """Aligns the domains' features by reconstructing images from them.

    "Not All Areas Are Equal: Transfer Learning for Semantic Segmentation via Hierarchical Region
    Selection", CVPR 2019, Section 3.2 and Algorithm 1, lines 7, 9 and 10. The generator G
    reconstructs images from features; the discriminator D tells real target images from images
    reconstructed from source features (H10); the encoder E is trained so that D classifies these as
    real. Gradients: the reconstruction loss reaches G only (H11), the adversarial loss G and E.

    Args:
        generator: Config of :class:`ReconstructionGenerator`.
        discriminator: Config of :class:`PatchDiscriminator`.
        feature_index: Which of the backbone's outputs G reconstructs images from.
        encoder_weight: λ_adv of E (H12).
        generator_weight: λ_adv of G (H12).
        reconstruction_weight: λ_rec (H12).
        real_label: Range from which D's label of a real image is drawn (H13).
        fake_label: Range from which D's label of a reconstructed image is drawn (H13).
    """

    def __init__(
        self,
        generator: dict[str, Any],
        discriminator: dict[str, Any],
        feature_index: int = 3,
        encoder_weight: float = 0.001,
        generator_weight: float = 1.0,
        reconstruction_weight: float = 1.0,
        real_label: Sequence[float] = (0.8, 1.0),
        fake_label: Sequence[float] = (0.0, 0.2),
    ) -> None:
        super().__init__()
        self.generator = MODELS.build({'type': 'ReconstructionGenerator', **generator})
        self.discriminator = MODELS.build({'type': 'PatchDiscriminator', **discriminator})
        self.feature_index = feature_index
        self.encoder_weight = encoder_weight
        self.generator_weight = generator_weight
        self.reconstruction_weight = reconstruction_weight
        self.real_label = tuple(real_label)
        self.fake_label = tuple(fake_label)

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Compute G's reconstruction loss, adversarial ones of G and E, D's loss and accuracy."""
        source, target = outputs['source'], outputs['target']
        features = source.features[self.feature_index]
        reconstructed, of_target = self._reconstruct(source, target)
        reconstruction = l1_loss(reconstructed, source.unit_images)
        reconstruction = reconstruction + l1_loss(of_target, target.unit_images)

        by_encoder = call_frozen(self.generator, features, reconstructed.shape[-2:])
        d_logits, adv_logits = call_together(
            self.discriminator, reconstructed, full_precision(by_encoder), frozen=True
        )
        real, fake = call_together(self.discriminator, target.unit_images, reconstructed.detach())
        d_loss = self._soft_label_loss(real, self.real_label)
        d_loss = d_loss + self._soft_label_loss(fake, self.fake_label)
        return ObjectiveResult(
            {
                'loss_reconstruction': self.reconstruction_weight * reconstruction,
                'loss_generator': self.generator_weight * gan_loss(d_logits, 1.0),
                'loss_encoder': self.encoder_weight * gan_loss(adv_logits, 1.0),
                'loss_discriminator': d_loss,
                'accuracy_real': (real > 0).double().mean(),
                'accuracy_fake': (fake <= 0).double().mean(),
            }
        )

    def visualize(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """Return the reconstructed images, and how much D takes its two kinds of input for real."""
        source, target = outputs['source'], outputs['target']
        reconstructed, of_target = self._reconstruct(source, target)
        return {
            'source': {
                'reconstructed': reconstructed,
                'D says real: reconstructed': probability_map(self.discriminator(reconstructed)),
            },
            'target': {
                'reconstructed': of_target,
                'D says real: image': probability_map(self.discriminator(target.unit_images)),
            },
        }

    def _reconstruct(self, *outputs: DomainOutput) -> list[Tensor]:
        features = [output.features[self.feature_index].detach() for output in outputs]
        sizes = {output.inputs.shape[-2:] for output in outputs}
        if len(sizes) > 1:
            reconstructed = [
                self.generator(x, o.inputs.shape[-2:]) for x, o in zip(features, outputs)
            ]
        else:
            reconstructed = call_together(self.generator, *features, args=(sizes.pop(),))
        return [full_precision(images) for images in reconstructed]

    @staticmethod
    def _soft_label_loss(d_logits: Tensor, label_range: tuple[float, ...]) -> Tensor:
        d_logits = full_precision(d_logits)
        low, high = label_range
        labels = torch.empty(len(d_logits), 1, 1, 1, dtype=d_logits.dtype, device=d_logits.device)
        labels = labels.uniform_(low, high).expand_as(d_logits)
        return binary_cross_entropy_with_logits(d_logits, labels)
