from __future__ import annotations

import math

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_joint.utils.numbers import check_choice

from .masked_mean import masked_mean, valid_softmax


@MODELS.register_module()
class EntropyLoss(nn.Module):
    """Entropy minimization, the baseline of maximum squares and of adversarial entropy.

    The mean over valid pixels of -Σ p ln p, p being the softmax of the logits, divided by a
    constant that differs between the papers' codes: ln C, so that it is at most 1, in *ADVENT:
    Adversarial Entropy Minimization for Domain Adaptation in Semantic Segmentation* (Vu et al.,
    CVPR 2019); C in *Domain Adaptation for Semantic Segmentation with Maximum Squares Loss* (Chen
    et al., ICCV 2019).

    Args:
        normalization: `'log'` divides by ln C, `'classes'` by C.

    Raises:
        JointError: When `normalization` is neither.
    """

    def __init__(self, normalization: str = 'log') -> None:
        super().__init__()
        check_choice('EntropyLoss.normalization', normalization, ('log', 'classes'))
        self.normalization = normalization

    def forward(self, seg_logits: Tensor, valid_mask: Tensor | None = None) -> Tensor:
        """Compute the loss.

        Args:
            seg_logits: Scores, (N, C, H, W).
            valid_mask: Booleans, (N, H, W): the pixels that count; None for all.

        Returns:
            A scalar in float32 at least; 0 with zero gradient if no pixel is valid.

        Raises:
            JointError: When the mask does not fit.
        """
        classes = seg_logits.shape[1]
        probabilities = valid_softmax(seg_logits, valid_mask)
        # The logarithm may be a constant: its part of the gradient is Σ p d(ln p) = d(Σ p) = 0.
        # This saves a full-size array, and avoids 0 · inf where p underflows.
        smallest = torch.finfo(probabilities.dtype).tiny
        logarithms = probabilities.detach().clamp(min=smallest).log_()
        entropy = -(probabilities * logarithms).sum(dim=1)
        # one class has no entropy, and ln 1 = 0
        divisor = (math.log(classes) or 1.0) if self.normalization == 'log' else classes
        return masked_mean(entropy, valid_mask) / divisor
