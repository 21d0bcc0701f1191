from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_joint.errors import JointError


@torch.no_grad()
def level_map(scores: Tensor, level: str) -> Tensor:
    """Find the positions that are more target-like than their image's average.

    H_k of Eq. 3 of *Not All Areas Are Equal: Transfer Learning for Semantic Segmentation via
    Hierarchical Region Selection* (Sun et al., CVPR 2019), before its up-sampling: where the
    sizes divide, nearest up-sampling changes neither side of the comparison, and it is left to
    `weighting_map`, which needs only one channel per pixel.

    Args:
        scores: M_k: (N, K, h, w) at level `pixel` or `region`, (N, K) at level `image`.
        level: Name of the level.

    Returns:
        Booleans of the same shape: score > mean over the positions of its image and
        channel, or score > 0.5 at image level. Equality gives False.
    """
    if level == 'image':
        return scores > 0.5
    # The sum of equal float32 numbers is exact in float64, so a constant map equals its mean.
    mean = scores.mean(dim=(2, 3), keepdim=True, dtype=torch.float64)
    return scores > mean


@torch.no_grad()
def weighting_map(
    scores: Mapping[str, Tensor],
    labels: Tensor,
    ignore_index: int = 255,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Compute the weight of each pixel of a source image.

    H of Eq. 4 (same paper): the mean over the enabled levels of H_k, up-sampled to the image by
    nearest neighbor. With one map per class (K = C), a pixel reads the map of its own label. Only
    the positions that are read are gathered: no (N, K, H, W) array is ever made.

    Args:
        scores: M_k of each enabled level: `pixel` and `region` (N, K, h, w), `image` (N, K).
            K = 1 is a map shared by all classes.
        labels: Class of each pixel (N, H, W), integers; `ignore_index` where unknown.
        ignore_index: Label of pixels that no loss reads; they get weight 0.
        dtype: Of the weights.

    Returns:
        Weights (N, H, W): with three levels each 0, 1/3, 2/3 or 1.

    Raises:
        JointError: When no level is given.
    """
    if not scores:
        raise JointError(
            'a weighting map needs at least one of the levels pixel, region, image: '
            'name one in the levels of the objective.'
        )
    ignored = labels == ignore_index
    classes = labels.masked_fill(ignored, 0)
    votes = torch.zeros(labels.shape, dtype=dtype, device=labels.device)
    for level, score in scores.items():
        votes += _read_out(level_map(score, level), classes)
    return (votes / len(scores)).masked_fill(ignored, 0)


def _read_out(chosen: Tensor, classes: Tensor) -> Tensor:
    """Read `chosen` (N, K[, h, w]) at every pixel's own class and nearest position: (N, H, W)."""
    image = torch.arange(len(classes), device=classes.device)[:, None, None]
    channel = classes if chosen.shape[1] > 1 else torch.zeros_like(image)
    if chosen.ndim == 2:
        return chosen[image, channel].expand(classes.shape)
    rows = _nearest(chosen.shape[2], classes.shape[1], classes.device)
    columns = _nearest(chosen.shape[3], classes.shape[2], classes.device)
    return chosen[image, channel, rows[:, None], columns]


def _nearest(length: int, wanted: int, device: torch.device) -> Tensor:
    """The index that nearest up-sampling from `length` to `wanted` reads at each position."""
    # F.interpolate itself computes it, so that the rounding is the same on every device.
    index = torch.arange(length, dtype=torch.float32, device=device)
    return F.interpolate(index[None, None], size=wanted, mode='nearest')[0, 0].long()
