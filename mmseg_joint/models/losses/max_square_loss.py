from __future__ import annotations

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_joint.errors import JointError

from .masked_mean import masked_mean, valid_softmax


@MODELS.register_module()
class MaxSquareLoss(nn.Module):
    """Makes predictions confident without labels, and is not dominated by those that already are.

    *Domain Adaptation for Semantic Segmentation with Maximum Squares Loss* (Chen et al., ICCV
    2019). With p the softmax of the logits, over valid pixels: -1/2 · mean of p², the mean being
    over the classes too (M1). Its slope is linear in p, while that of the entropy grows without
    bound as a pixel becomes certain.

    With image-wise weighting, frequent classes count less: in an image with n_k pixels
    predicted as class k, each of them has the weight w_k = 1 / (n_k^ratio · (Σ n)^(1 - ratio)), a
    constant (M3). The loss of an image is -1/C · Σ w p², and the loss is the mean over the
    images of the batch (M2).

    Args:
        image_wise: Whether to weight the classes by their share of each image.
        ratio: Exponent of the weights, in [-1, 1]: 0 is no weighting between classes, 1 gives every
            predicted class the same total weight, and below 0 frequent classes count more.

    Raises:
        JointError: When `ratio` is out of range.
    """

    def __init__(self, image_wise: bool = False, ratio: float = 0.2) -> None:
        super().__init__()
        if not -1 <= ratio <= 1:
            raise JointError(f'MaxSquareLoss.ratio is {ratio}: choose a number from -1 to 1.')
        self.image_wise = image_wise
        self.ratio = ratio

    def forward(self, seg_logits: Tensor, valid_mask: Tensor | None = None) -> Tensor:
        """Compute the loss.

        Args:
            seg_logits: Scores, (N, C, H, W).
            valid_mask: Booleans, (N, H, W): the pixels that count; None for all.

        Returns:
            A scalar in float32 at least, never above 0; without image-wise weighting -1/(2C) where
            every pixel is certain. 0 with zero gradient if no pixel is valid.

        Raises:
            JointError: When the mask does not fit.
        """
        images, classes = seg_logits.shape[:2]
        probabilities = valid_softmax(seg_logits, valid_mask)
        # A product, as `pow` and a vector norm cost another full-size array in the backward.
        squares = (probabilities * probabilities).sum(dim=1)
        if not self.image_wise:
            return -0.5 / classes * masked_mean(squares, valid_mask)
        weights = image_wise_weights(probabilities, valid_mask, self.ratio)
        return -(weights * squares).sum() / (images * classes)


@torch.no_grad()
def image_wise_weights(probabilities: Tensor, valid_mask: Tensor | None, ratio: float) -> Tensor:
    """Weight each pixel, (N, H, W), by how rare its predicted class is in its image; invalid: 0."""
    images, classes = probabilities.shape[:2]
    predicted = probabilities.argmax(dim=1)
    if valid_mask is not None:
        predicted = predicted.masked_fill(~valid_mask, classes)  # an extra bin of weight 0
    # compared with every class: `bincount` would make the host wait for a GPU
    bins = torch.arange(classes, device=predicted.device)[:, None, None]
    counts = (predicted[:, None] == bins).sum(dim=(2, 3))
    total = counts.sum(dim=1, keepdim=True)
    # an absent class may get an infinite weight, which no pixel reads
    counts, total = (n.to(probabilities.dtype) for n in (counts, total))
    weights = F.pad(1 / (counts**ratio * total ** (1 - ratio)), (0, 1))
    offsets = torch.arange(images, device=predicted.device)[:, None, None] * (classes + 1)
    return weights.flatten()[predicted + offsets]
