"""CycleGAN's networks in plain torch, using the parameters of ours."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.reference.plain_lsd import normalized


def translate(network: Any, images: Tensor) -> Tensor:
    """Compute G for images whose sides are multiples of the strides.

    Args:
        network: Ours.
        images: In [-1, 1], (N, 3, H, W).

    Returns:
        Images in [-1, 1].
    """
    p = dict(network.named_parameters())

    def conv(x: Tensor, name: str, padding: int = 0, **kwargs: Any) -> Tensor:
        if padding:
            x = F.pad(x, [padding] * 4, mode='reflect')
        return F.conv2d(x, p[f'{name}.weight'], p[f'{name}.bias'], **kwargs)

    x = normalized(conv(images, 'enter.0.conv', 3)).clamp(min=0)
    for i in range(len(network.down)):
        name = f'down.{i}.conv'
        x = F.conv2d(x, p[f'{name}.weight'], p[f'{name}.bias'], stride=2, padding=1)
        x = normalized(x).clamp(min=0)
    for i in range(len(network.blocks)):
        y = normalized(conv(x, f'blocks.{i}.conv1.conv', 1)).clamp(min=0)
        x = x + normalized(conv(y, f'blocks.{i}.conv2.conv', 1))
    for i in range(len(network.up)):
        x = F.conv_transpose2d(
            x, p[f'up.{i}.weight'], p[f'up.{i}.bias'], stride=2, padding=1, output_padding=1
        )
        x = normalized(x).clamp(min=0)
    return torch.tanh(conv(x, 'to_picture', 3))


def discriminate(network: Any, images: Tensor) -> Tensor:
    """Compute D, the discriminator.

    Args:
        network: Ours.
        images: In [-1, 1], (N, 3, H, W).

    Returns:
        One number per patch.
    """
    x = images
    for index, layer in enumerate(network.convs):
        stride = 2 if index < 3 else 1
        x = F.conv2d(x, layer.weight, layer.bias, stride=stride, padding=1)
        if 0 < index < 4:
            x = normalized(x)
        if index < 4:
            x = torch.where(x > 0, x, 0.2 * x)
    return x
