from __future__ import annotations

from collections.abc import Sequence
from math import log

import torch
from torch import Tensor


def random_boxes(
    count: int,
    size: Sequence[int],
    area: Sequence[float],
    aspect: Sequence[float],
    probability: float = 1.0,
    device: torch.device | None = None,
) -> Tensor:
    """Draw a rectangle in each image, anywhere within it.

    Area and the logarithm of the aspect ratio are uniform; a side longer than the image
    is cut.

    Args:
        count: Number of images N.
        size: Their height H and width W.
        area: Range of a rectangle's share of the image, in [0, 1].
        aspect: Range of height / width in pixels, above 0.
        probability: Share of images that have a rectangle.
        device: Device to draw on.

    Returns:
        Whether a pixel is inside, (N, H, W).
    """
    draws = torch.rand(5, count, 1, 1, device=device)
    share = area[0] + (area[1] - area[0]) * draws[0]
    ratio = torch.exp(log(aspect[0]) + log(aspect[1] / aspect[0]) * draws[1])
    pixels = share * size[0] * size[1] * (draws[4] < probability)
    height = (pixels * ratio).sqrt().round().clamp(max=size[0])
    width = (pixels / ratio).sqrt().round().clamp(max=size[1])
    top = (draws[2] * (size[0] - height + 1)).floor()
    left = (draws[3] * (size[1] - width + 1)).floor()
    rows = torch.arange(size[0], device=device).view(1, -1, 1)
    columns = torch.arange(size[1], device=device).view(1, 1, -1)
    inside = (rows >= top) & (rows < top + height)
    return inside & (columns >= left) & (columns < left + width)
