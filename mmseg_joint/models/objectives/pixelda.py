from __future__ import annotations

from typing import Any, ClassVar

import torch
from mmseg.registry import MODELS
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from .base import DomainOutput, Objective, ObjectiveResult, frozen, full_precision, probability_map

TRANSLATED = 'translated'


@MODELS.register_module()
class PixelDA(Objective):
    """Trains on source pictures that a generator has made look like target ones, too.

    "Unsupervised Pixel-Level Domain Adaptation with Generative Adversarial Networks" (Bousmalis et
    al., CVPR 2017), Eq. 1-3, given the labels of both domains (B6). The generator G turns the
    source's pictures into those of a new domain, `translated`, which the segmentor is trained on
    with the source's labels beside the source and the target. Gradients: that supervised loss
    reaches the segmentor and G, the adversarial loss G only, D's loss D only.

    Args:
        generator: What differs from the paper's :class:`PixelDAGenerator`.
        discriminator: What differs from the paper's :class:`PixelDADiscriminator`.
        task_weight: Weight of the supervised loss on the translated pictures, for the segmentor and
            for G (B9).
        generator_weight: Weight of G's adversarial loss (B9).
        discriminator_weight: Weight of D's loss.
        init_cfg: mmengine's initialisation config.
    """

    domains = ('source', 'target')
    derived: ClassVar[dict[str, str]] = {TRANSLATED: 'source'}

    def __init__(
        self,
        generator: dict[str, Any] | None = None,
        discriminator: dict[str, Any] | None = None,
        task_weight: float = 1.0,
        generator_weight: float = 1.0,
        discriminator_weight: float = 1.0,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.generator = MODELS.build({'type': 'PixelDAGenerator', **(generator or {})})
        self.discriminator = MODELS.build({'type': 'PixelDADiscriminator', **(discriminator or {})})
        self.task_weight = task_weight
        self.weighs_pixels = task_weight != 1.0
        self.generator_weight = generator_weight
        self.discriminator_weight = discriminator_weight

    @property
    def gradient_domains(self) -> tuple[str, ...]:
        """None: the segmentor learns from the supervised losses, here of one domain more."""
        return ()

    def derive(self, pictures: Tensor) -> Tensor:
        """Translate source pictures, with the graph to G.

        Args:
            pictures: The source's, in [-1, 1], (N, 3, H, W).

        Returns:
            The same scenes in the look of the target, in [-1, 1], (N, 3, H, W).
        """
        return full_precision(self.generator(pictures))

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """The adversarial loss of G and D's loss.

        Args:
            outputs: Domain -> what the segmentor computed for it, `translated` among them.

        Returns:
            The losses, D's share of patches told right, for the log, and the weight of the
            translated pictures' supervised loss.
        """
        translated, target = outputs[TRANSLATED].pictures, outputs['target'].pictures
        pushed = frozen(self.discriminator, translated)
        real = self.discriminator(target)
        fake = self.discriminator(translated.detach())
        told = _called(real, 1.0) + _called(fake, 0.0)
        weights = {}
        if self.weighs_pixels:
            labels = outputs[TRANSLATED].truth
            weights[TRANSLATED] = translated.new_full(labels.shape, self.task_weight)
        return ObjectiveResult(
            {
                'loss_generator': self.generator_weight * _called(pushed, 1.0),
                'loss_discriminator': self.discriminator_weight * told,
                'accuracy_real': (real > 0).double().mean(),
                'accuracy_fake': (fake <= 0).double().mean(),
            },
            weights,
        )

    def pictures(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """The redrawn pictures, and how much D takes its two kinds for real ones."""
        redrawn = outputs[TRANSLATED].pictures
        found = {'source': {'redrawn': redrawn}}
        for domain, pictures in ((TRANSLATED, redrawn), ('target', outputs['target'].pictures)):
            found[domain] = {'D says real': probability_map(self.discriminator(pictures))}
        return found


def _called(judged: Tensor, label: float) -> Tensor:
    judged = full_precision(judged)
    return binary_cross_entropy_with_logits(judged, torch.full_like(judged, label))
