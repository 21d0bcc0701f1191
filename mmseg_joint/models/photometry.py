"""Color and sharpness changes on the device, each image by its own amount."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_joint.errors import JointError
from mmseg_joint.utils.numbers import check_share

GRAY = 0.299, 0.587, 0.114  # red, green, blue (ITU-R BT.601)


@dataclass(frozen=True)
class ColorChange:
    """A random change of each image's color and sharpness; DACS's by default.

    Raises:
        JointError: When a value is out of range.
    """

    #: greatest changes of brightness, contrast, saturation and hue
    jitter: Sequence[float] = (0.2, 0.2, 0.2, 0.2)
    jitter_probability: float = 0.8  #: share of images whose color changes
    gray_probability: float = 0.0  #: share of images that become gray
    sigma: Sequence[float] = (0.15, 1.15)  #: range of the blur's standard deviation, in pixels
    blur_probability: float = 0.5  #: share of images that are blurred

    def __post_init__(self) -> None:
        for name in ('jitter_probability', 'gray_probability', 'blur_probability'):
            check_share(f'colors.{name}', getattr(self, name))
        if len(self.jitter) != 4 or min(self.jitter) < 0 or max(self.jitter) > 1:
            raise JointError(f'colors.jitter is {self.jitter}: give four numbers from 0 to 1.')
        if len(self.sigma) != 2 or not 0 <= self.sigma[0] <= self.sigma[1]:
            raise JointError(f'colors.sigma is {self.sigma}: give two rising numbers from 0.')

    def __call__(self, images: Tensor, red_first: bool) -> Tensor:
        """Change each image by its own random amounts.

        Args:
            images: In [-1, 1], (N, 3, H, W), at least 4 · `sigma` pixels a side.
            red_first: Whether they are RGB; otherwise BGR.

        Returns:
            The changed images.
        """
        count, device = len(images), images.device

        def draw(*shape: int) -> Tensor:
            return torch.rand(shape, device=device, dtype=images.dtype)

        changes = 2 * draw(count, 4) - 1
        changes *= draw(count, 1) < self.jitter_probability
        steps = zip((1, 1, 1, 0), self.jitter, changes.unbind(1))
        factors = torch.stack([same + span * change for same, span, change in steps], dim=1)
        low, high = self.sigma
        sigmas = low + (high - low) * draw(count)
        sigmas = sigmas * (draw(count) < self.blur_probability)
        unit = (images if red_first else images.flip(1)) / 2 + 0.5
        unit = jitter_color(unit, factors)
        if self.gray_probability:
            unit = torch.where(draw(count, 1, 1, 1) < self.gray_probability, _gray(unit), unit)
        unit = blur(unit, sigmas, radius=ceil(3 * high)) if self.blur_probability else unit
        return 2 * (unit if red_first else unit.flip(1)) - 1


def jitter_color(images: Tensor, factors: Tensor) -> Tensor:
    """Change brightness, contrast, saturation and hue, in this order, as torchvision defines them.

    Args:
        images: Red first, in [0, 1], (N, 3, H, W).
        factors: Each image's factors of brightness, contrast and saturation, 1 for no change, and
            its hue shift in turns, 0 for none, (N, 4).

    Returns:
        The images in [0, 1], (N, 3, H, W).
    """
    brightness, contrast, saturation, hue = factors.view(-1, 4, 1, 1, 1).unbind(dim=1)
    images = (images * brightness).clamp(0, 1)
    images = torch.lerp(_gray(images).mean(dim=(1, 2, 3), keepdim=True), images, contrast)
    images = images.clamp(0, 1)
    images = torch.lerp(_gray(images), images, saturation).clamp(0, 1)
    return _shift_hue(images, hue)


def blur(images: Tensor, sigmas: Tensor, radius: int = 4) -> Tensor:
    """Convolve each image with its own Gaussian, with mirrored borders.

    Args:
        images: (N, C, H, W), more than `radius` pixels on each side.
        sigmas: Standard deviations in pixels, (N,); 0 for none.
        radius: Where the Gaussians are cut off, in pixels: about three times the largest sigma.

    Returns:
        The images, (N, C, H, W).
    """
    count, channels = images.shape[:2]
    places = torch.arange(-radius, radius + 1, device=images.device, dtype=images.dtype)
    kernels = torch.exp(-0.5 * (places / sigmas[:, None].clamp(min=1e-3)) ** 2)
    kernels = kernels / kernels.sum(dim=1, keepdim=True)
    kernels = kernels.repeat_interleave(channels, dim=0)[:, None, None]
    flat = F.pad(images, [radius] * 4, mode='reflect').flatten(0, 1)[None]
    with torch.autocast(images.device.type, enabled=False):  # bfloat16 would round to whole levels
        for kernel in (kernels, kernels.transpose(2, 3)):
            flat = F.conv2d(flat, kernel, groups=count * channels)
    return flat[0].unflatten(0, (count, channels))


def _gray(images: Tensor) -> Tensor:
    return sum(weight * channel for weight, channel in zip(GRAY, images.split(1, dim=1)))


def _shift_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Shift the hue of each pixel in HSV."""
    red, green, blue = images.split(1, dim=1)
    value = images.amax(dim=1, keepdim=True)
    chroma = value - images.amin(dim=1, keepdim=True)
    safe = chroma.where(chroma > 0, 1)
    hue = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    # the farther a channel is from the hue, the more of the chroma it loses
    offsets = 5 - 2 * torch.arange(3, device=images.device, dtype=images.dtype).view(3, 1, 1)
    place = (offsets + hue + 6 * turns) % 6
    return value - chroma * torch.minimum(place, 4 - place).clamp(0, 1)
