"""Changes of color and sharpness of images on the device, each image by its own amount."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

GRAY = 0.299, 0.587, 0.114  # red, green, blue (ITU-R BT.601)


def jitter_color(images: Tensor, factors: Tensor) -> Tensor:
    """Change brightness, contrast, saturation and hue, in this order, as torchvision defines them.

    Args:
        images: Red first, in [0, 1], (N, 3, H, W).
        factors: For each image the factors of brightness, contrast and saturation, 1 for none, and
            the shift of the hue in turns, 0 for none, (N, 4).

    Returns:
        The images in [0, 1], (N, 3, H, W).
    """
    brightness, contrast, saturation, hue = factors.view(-1, 4, 1, 1, 1).unbind(dim=1)
    images = (images * brightness).clamp(0, 1)
    images = torch.lerp(_gray(images).mean(dim=(1, 2, 3), keepdim=True), images, contrast)
    images = images.clamp(0, 1)
    images = torch.lerp(_gray(images), images, saturation).clamp(0, 1)
    return _shift_hue(images, hue)


def blur(images: Tensor, sigmas: Tensor) -> Tensor:
    """Convolve each image with a Gaussian of its own, its border mirrored.

    Args:
        images: (N, C, H, W), of at least 5 pixels a side.
        sigmas: Standard deviations in pixels, up to about 1.5, (N,); 0 for none.

    Returns:
        The images, (N, C, H, W).
    """
    radius = 4
    count, channels = images.shape[:2]
    places = torch.arange(-radius, radius + 1, device=images.device, dtype=images.dtype)
    kernels = torch.exp(-0.5 * (places / sigmas[:, None].clamp(min=1e-3)) ** 2)
    kernels = kernels / kernels.sum(dim=1, keepdim=True)
    kernels = kernels.repeat_interleave(channels, dim=0)[:, None, None]
    flat = F.pad(images, [radius] * 4, mode='reflect').flatten(0, 1)[None]
    for kernel in (kernels, kernels.transpose(2, 3)):
        flat = F.conv2d(flat, kernel, groups=count * channels)
    return flat[0].unflatten(0, (count, channels))


def _gray(images: Tensor) -> Tensor:
    return sum(weight * channel for weight, channel in zip(GRAY, images.split(1, dim=1)))


def _shift_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Through hue, saturation and value of each pixel."""
    red, green, blue = images.split(1, dim=1)
    value = images.amax(dim=1, keepdim=True)
    chroma = value - images.amin(dim=1, keepdim=True)
    safe = chroma.where(chroma > 0, 1)
    hue = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    # a channel falls from the value by as much of the chroma as its hue is away
    offsets = 5 - 2 * torch.arange(3, device=images.device, dtype=images.dtype).view(3, 1, 1)
    place = (offsets + hue + 6 * turns) % 6
    return value - chroma * torch.minimum(place, 4 - place).clamp(0, 1)
