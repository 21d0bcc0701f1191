from __future__ import annotations

from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_joint.errors import JointError
from mmseg_joint.models.losses.cross_entropies import global_cross_entropy
from mmseg_joint.models.precision import full_precision

from .base import Objective, ObjectiveResult
from .domains import DomainOutput

UNSURE = -1  # pseudo-label of a pixel that neither head is sure of


@MODELS.register_module()
class TargetRegularization(Objective):
    """Learns from images without labels: maximum squares or entropy, and guidance of their own.

    *Domain Adaptation for Semantic Segmentation with Maximum Squares Loss* (Chen et al., ICCV
    2019). A loss that needs no labels acts on the main head's scores of one domain. With
    `guidance`, the multi-level self-produced guidance: where either head is surer than a
    threshold, the class that both favor together is the auxiliary head's label. It trains the
    auxiliary head and what lies below, never the main head.

    Args:
        loss: Config of a loss that takes scores alone: :class:`MaxSquareLoss` or
            :class:`EntropyLoss`.
        domain: Whose images; their labels, if any, are not read.
        weight: λ_target.
        guidance: Whether to use the auxiliary head.
        threshold: Probability that one of the heads must exceed, in [0, 1).
        auxiliary_weight: Weight of the guidance, which trains the auxiliary head, relative to
            `weight`.
        auxiliary_loss_weight: Weight of the same loss on the auxiliary head's scores: λ of
            ADVENT's entropy minimization on two levels; 0 for one level.

    Raises:
        JointError: When `threshold` is out of range.
    """

    def __init__(
        self,
        loss: dict[str, Any] | None = None,
        domain: str = 'unlabeled',
        weight: float = 0.1,
        guidance: bool = False,
        threshold: float = 0.95,
        auxiliary_weight: float = 0.1,
        auxiliary_loss_weight: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= threshold < 1:
            raise JointError(
                f'TargetRegularization.threshold is {threshold}: '
                'choose a probability of at least 0 and below 1.'
            )
        self.loss = MODELS.build(loss or {'type': 'MaxSquareLoss'})
        self.domains = (domain,)
        self.weight = weight
        self.guidance = guidance
        self.threshold = threshold
        self.auxiliary_weight = auxiliary_weight
        self.auxiliary_loss_weight = auxiliary_loss_weight

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Compute the main head's loss and, if asked for, the auxiliary head's.

        With guidance, the share of pixels that have a pseudo-label is logged.

        Raises:
            JointError: When a second level is wanted from a model without auxiliary head.
        """
        output = outputs[self.domains[0]]
        losses = {'loss_main': self.weight * self.loss(output.logits)}
        if self.auxiliary_loss_weight:
            second = self.loss(output.auxiliary_logits)
            losses['loss_second_level'] = self.auxiliary_loss_weight * second
        if self.guidance:
            scores = output.auxiliary_logits
            labels = guidance_labels(output.logits, scores, self.threshold)
            weight = self.weight * self.auxiliary_weight
            losses['loss_auxiliary'] = weight * global_cross_entropy(scores, labels, UNSURE)
            losses['confident_share'] = (labels != UNSURE).double().mean()
        return ObjectiveResult(losses)

    def visualize(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """The pseudo-labels of the guidance; without it the confidence says all."""
        if not self.guidance:
            return {}
        (domain,) = self.domains
        output = outputs[domain]
        labels = guidance_labels(output.logits, output.auxiliary_logits, self.threshold)
        return {domain: {'pseudo-label': labels}}


@torch.no_grad()
def guidance_labels(main: Tensor, auxiliary: Tensor, threshold: float) -> Tensor:
    """Find the pseudo-labels that two heads' scores, (N, C, H, W), give together.

    Returns:
        The class with the highest mean probability, or -1 where neither head is sure, (N, H, W).
    """
    probabilities = full_precision(main).softmax(dim=1)
    others = full_precision(auxiliary).softmax(dim=1)
    confident = (probabilities.amax(dim=1) > threshold) | (others.amax(dim=1) > threshold)
    # the sum is highest where the mean is; in place, for these arrays are large
    return probabilities.add_(others).argmax(dim=1).masked_fill_(~confident, UNSURE)
