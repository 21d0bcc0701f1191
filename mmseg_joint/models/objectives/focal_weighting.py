from __future__ import annotations

import torch
from mmseg.registry import MODELS
from torch import Tensor
from torch.nn.functional import cross_entropy

from mmseg_joint.errors import JointError
from mmseg_joint.models.precision import full_precision

from .base import Objective, ObjectiveResult
from .domains import DomainOutput
from .segmentor_handle import SegmentorHandle


@MODELS.register_module()
class FocalWeighting(Objective):
    """Turns the cross-entropy of one domain into the focal loss, -(1 - p)^γ log p.

    "Focal Loss for Dense Object Detection" (Lin et al., ICCV 2017), Eq. 4, with p the softmax
    probability of a pixel's own class (B5). Its factor (1 - p)^γ becomes the pixel's weight and
    **keeps its graph**: weight times cross-entropy then has the focal loss's own gradient, through
    both factors.

    Args:
        gamma: γ, at least 0; 0 is plain cross-entropy.
        domain: The labeled domain whose loss becomes focal.
        segmentor: The segmentor; the model fills it in.
        ignore_index: Label of pixels without a class; the model fills it in.

    Raises:
        JointError: When γ is negative, the domain has no labels, or the model has several heads,
            each of which has probabilities of its own.
    """

    weighs_pixels = True

    def __init__(
        self,
        gamma: float = 2.0,
        domain: str = 'source',
        segmentor: SegmentorHandle | None = None,
        ignore_index: int = 255,
    ) -> None:
        super().__init__()
        if gamma < 0:
            raise JointError(f'FocalWeighting.gamma is {gamma}: choose at least 0.')
        if domain == 'unlabeled':
            raise JointError(
                'FocalWeighting.domain is "unlabeled", whose pixels no supervised loss reads: '
                'name a labeled domain.'
            )
        if segmentor is not None and segmentor.has_several_heads:
            raise JointError(
                "FocalWeighting has the last head's probabilities only, with which the loss of "
                'another head would not be focal: set model.auxiliary_head=None, and replace a '
                'cascade by one of its heads.'
            )
        self.domains = (domain,)
        self.gamma = gamma
        self.ignore_index = ignore_index

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Weigh the domain's pixels by (1 - p)^γ, and log the mean weight of the labeled ones."""
        (domain,) = self.domains
        output = outputs[domain]
        weights = self._weights(output)
        labeled = output.truth != self.ignore_index
        mean = (weights.detach() * labeled).sum() / labeled.sum().clamp(min=1)
        return ObjectiveResult({'mean_weight': mean}, {domain: weights})

    def visualize(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """Return the weights, where there is a label."""
        (domain,) = self.domains
        output = outputs[domain]
        ignored = output.truth == self.ignore_index
        return {domain: {'weight': self._weights(output).masked_fill(ignored, torch.nan)}}

    def _weights(self, output: DomainOutput) -> Tensor:
        # log p of a pixel's own class; 0 where there is none
        logarithms = -cross_entropy(
            full_precision(output.logits),
            output.truth,
            ignore_index=self.ignore_index,
            reduction='none',
        )
        # 0 to a power below 1 has an infinite slope, which the clamp cuts off
        smallest = torch.finfo(logarithms.dtype).tiny
        return (-logarithms.expm1()).clamp(min=smallest) ** self.gamma
