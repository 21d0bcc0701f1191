"""LSD-seg's networks in plain torch, using the parameters of ours, without dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def normalized(x: Tensor) -> Tensor:
    """Instance norm without parameters."""
    mean = x.mean(dim=(2, 3), keepdim=True)
    variance = (x - mean).square().mean(dim=(2, 3), keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt()


def block(module: Any, x: Tensor, slope: float) -> Tensor:
    """x + activation(norm(conv(x)))."""
    conv = module.conv1.conv
    y = normalized(F.conv2d(x, conv.weight, conv.bias, padding=1))
    return x + torch.where(y > 0, y, slope * y)


def draw(network: Any, features: Sequence[Tensor], size: Sequence[int]) -> Tensor:
    """Compute G for a VGG16 without the legacy padding; its first layer has kernel 7.

    Args:
        network: Ours.
        features: pool3, pool4 and fc7.
        size: Height and width of the images.

    Returns:
        Images in [0, 1].
    """
    pool3, pool4, x = features
    joined = {1: pool4, 2: pool3}
    for index, up in enumerate(network.ups):
        kernel = up.weight.shape[-1]
        if index == 0:
            x = F.conv_transpose2d(x, up.weight, padding=3)
        else:
            wanted = joined[index].shape[2:] if index in joined else [2 * n for n in x.shape[2:]]
            more = [w - (2 * n - 1) for w, n in zip(wanted, x.shape[2:])]
            x = F.conv_transpose2d(x, up.weight, stride=2, padding=kernel // 2, output_padding=more)
        x = normalized(x).clamp(min=0)
        for module in network.blocks[index]:
            x = block(module, x, 0.0)
        if index in joined:
            x = torch.cat([x, joined[index]], dim=1)
    last = network.to_picture
    x = F.conv_transpose2d(x, last.weight, last.bias, stride=2, padding=3)
    return 1 / (1 + torch.exp(-x[..., : size[0], : size[1]]))


def discriminate(network: Any, images: Tensor) -> tuple[Tensor, Tensor]:
    """Compute D, the discriminator.

    Args:
        network: Ours.
        images: In [0, 1], (N, 3, H, W).

    Returns:
        Logits of the kind and of the classes.
    """
    x = normalized(F.conv2d(images, network.enter.weight, network.enter.bias, stride=2, padding=2))
    x = torch.where(x > 0, x, 0.2 * x)
    for index, modules in enumerate(network.blocks):
        if index:
            x = F.max_pool2d(x, 2)
        for module in modules:
            x = block(module, x, 0.2)
    heads = [
        F.conv2d(x, head.weight, head.bias, padding=1)
        for head in (network.to_domain, network.to_class)
    ]
    return heads[0], heads[1]
