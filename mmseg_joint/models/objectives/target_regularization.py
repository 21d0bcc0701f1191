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

NO_LABEL = -1  # pseudo-label where neither head is confident


@MODELS.register_module()
class TargetRegularization(Objective):
    """Learns from unlabeled images by maximum squares or entropy, and self-produced guidance.

    *Domain Adaptation for Semantic Segmentation with Maximum Squares Loss* (Chen et al., ICCV
    2019). A loss that needs no labels acts on the main head's scores of one domain. `guidance` adds
    the multi-level self-produced guidance: where either head's confidence exceeds a threshold, the
    class that both favor together is the auxiliary head's label. It trains the auxiliary head and
    the layers below it, never the main head.

    Args:
        loss: Config of a loss that takes scores and, for padded images, a mask of the pixels that
            count: :class:`MaxSquareLoss` or :class:`EntropyLoss`.
        domain: The domain whose images are used; their labels, if any, are not read.
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
            JointError: When a second level is wanted, but the model has no auxiliary head.
        """
        output = outputs[self.domains[0]]
        # without padding, a loss of the user's own need not take a mask
        valid = () if output.padding is None else (output.within_image,)
        losses = {'loss_main': self.weight * self.loss(output.logits, *valid)}
        if self.auxiliary_loss_weight:
            second = self.loss(output.auxiliary_logits, *valid)
            losses['loss_second_level'] = self.auxiliary_loss_weight * second
        if self.guidance:
            labels, weight = self._guidance(output), self.weight * self.auxiliary_weight
            loss = global_cross_entropy(output.auxiliary_logits, labels, NO_LABEL)
            losses['loss_auxiliary'] = weight * loss
            share = (labels != NO_LABEL).double().mean()
            losses['confident_share'] = share / valid[0].double().mean() if valid else share
        return ObjectiveResult(losses)

    def visualize(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """Return the guidance's pseudo-labels; without it, the confidence shows everything."""
        if not self.guidance:
            return {}
        (domain,) = self.domains
        return {domain: {'pseudo-label': self._guidance(outputs[domain])}}

    def _guidance(self, output: DomainOutput) -> Tensor:
        labels = guidance_labels(output.logits, output.auxiliary_logits, self.threshold)
        return labels if output.padding is None else labels.masked_fill_(output.padding, NO_LABEL)


@torch.no_grad()
def guidance_labels(main: Tensor, auxiliary: Tensor, threshold: float) -> Tensor:
    """Find the joint pseudo-labels of two heads' scores, (N, C, H, W).

    Returns:
        The class with the highest mean probability, (N, H, W), or -1 where no head is confident.
    """
    probabilities = full_precision(main).softmax(dim=1)
    others = full_precision(auxiliary).softmax(dim=1)
    confident = (probabilities.amax(dim=1) > threshold) | (others.amax(dim=1) > threshold)
    # the sum has the argmax of the mean; in place, since these arrays are large
    return probabilities.add_(others).argmax(dim=1).masked_fill_(~confident, NO_LABEL)
