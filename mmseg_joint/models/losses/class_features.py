from __future__ import annotations

import torch
from torch import Tensor

ABSENT = -1  # class of a vector without one


def downsample_labels(labels: Tensor, size: torch.Size) -> Tensor:
    """Resize labels, (N, H, W), to a feature map's size, (N, h, w), by nearest neighbor."""
    if labels.shape[1:] == size:
        return labels
    rows, columns = (
        torch.arange(small, device=labels.device) * large // small
        for small, large in zip(size, labels.shape[1:])
    )
    return labels[:, rows[:, None], columns]


def class_features(features: Tensor, labels: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Average a feature map over each class of each image.

    V^k of *Alleviating Semantic-level Shift: A Semi-supervised Domain Adaptation Method for
    Semantic Segmentation* (Wang et al., CVPRW 2020), Eq. 4. Gradients flow to the features.

    Args:
        features: (N, n, h, w).
        labels: Class indices from 0 to C - 1, anything else is ignored, (N, h, w).
        num_classes: Number of classes C.

    Returns:
        A vector for each class of each image (NC, n), and its class (NC,); where the image does not
        show the class, 0 and `ABSENT`. All are returned, because the host would have to wait for
        the GPU to learn how many are present.
    """
    classes = torch.arange(num_classes, device=labels.device)
    members = labels.flatten(1)[..., None] == classes  # (N, hw, C)
    counts = members.sum(dim=1)
    with torch.autocast(features.device.type, enabled=False):  # sums of thousands of positions
        sums = torch.einsum('npk,ndp->nkd', members.to(features.dtype), features.flatten(2))
    means = sums / counts.clamp(min=1)[..., None]
    return means.flatten(0, 1), classes.where(counts > 0, ABSENT).flatten()
