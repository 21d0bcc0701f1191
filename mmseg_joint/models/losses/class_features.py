from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def downsample_labels(labels: Tensor, size: torch.Size) -> Tensor:
    """Bring label maps to the size of a feature map: the nearest label each.

    Args:
        labels: Class indices, (N, H, W).
        size: Height h and width w.

    Returns:
        (N, h, w).
    """
    if labels.shape[1:] == size:
        return labels
    rows, columns = (
        torch.arange(small, device=labels.device) * large // small
        for small, large in zip(size, labels.shape[1:])
    )
    return labels[:, rows[:, None], columns]


def class_features(features: Tensor, labels: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Average a feature map over each class of each picture.

    V^k of *Alleviating Semantic-level Shift: A Semi-supervised Domain Adaptation Method for
    Semantic Segmentation* (Wang et al., CVPRW 2020), Eq. 4. Gradients flow to the features.

    Args:
        features: (N, n, h, w).
        labels: Class indices from 0 to C - 1, anything else is ignored, (N, h, w).
        num_classes: Number of classes C.

    Returns:
        The vectors of the classes that are present (P, n), and their classes (P,); P may be 0.
    """
    known = (labels >= 0) & (labels < num_classes)
    chosen = labels.where(known, num_classes)
    members = F.one_hot(chosen.flatten(1), num_classes + 1)[..., :num_classes]  # (N, hw, C)
    counts = members.sum(dim=1)
    with torch.autocast(features.device.type, enabled=False):  # sums of thousands of positions
        sums = torch.einsum('npk,ndp->nkd', members.to(features.dtype), features.flatten(2))
    present = counts > 0
    means = sums[present] / counts[present][:, None]
    return means, present.nonzero()[:, 1]
