from __future__ import annotations

import torch
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_joint.errors import JointError

from .base import Objective, ObjectiveResult
from .domains import DomainOutput


@MODELS.register_module()
class ConfidenceMask(Objective):
    """Trains only on pixels on which the network is already confident.

    "FCN+0-1 Conf. Mask" of *Not All Areas Are Equal: Transfer Learning for Semantic Segmentation
    via Hierarchical Region Selection* (Sun et al., CVPR 2019), Table 1, which says no more about
    it (B4): a pixel weighs 1 where the highest probability of the current prediction exceeds a
    threshold, else 0. The mask is a constant for the segmentor.

    Args:
        threshold: Probability that the most probable class must exceed, in [0, 1).
        domain: The labeled domain whose pixels are chosen.
        ignore_index: Label of pixels without a class; the model fills it in.

    Raises:
        JointError: When the threshold is out of range, or the domain has no labels.
    """

    weighs_pixels = True

    def __init__(
        self, threshold: float = 0.9, domain: str = 'source', ignore_index: int = 255
    ) -> None:
        super().__init__()
        if not 0 <= threshold < 1:
            raise JointError(
                f'ConfidenceMask.threshold is {threshold}: '
                'choose a probability of at least 0 and below 1.'
            )
        if domain == 'unlabeled':
            raise JointError(
                'ConfidenceMask.domain is "unlabeled", whose pixels no supervised loss reads: '
                'name a labeled domain.'
            )
        self.domains = (domain,)
        self.threshold = threshold
        self.ignore_index = ignore_index

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Weigh the domain's pixels by the mask, and log the share of labeled ones it keeps."""
        (domain,) = self.domains
        output = outputs[domain]
        confident = output.probabilities.amax(dim=1) > self.threshold
        labeled = output.truth != self.ignore_index
        kept = (confident & labeled).sum().double() / labeled.sum().clamp(min=1)
        return ObjectiveResult({'kept_share': kept}, {domain: confident.to(output.probabilities)})

    def visualize(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """Return the mask, where there is a label."""
        (domain,) = self.domains
        output = outputs[domain]
        ignored = output.truth == self.ignore_index
        mask = self(outputs).pixel_weights[domain]
        return {domain: {'trained on': mask.masked_fill(ignored, torch.nan)}}
