from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from mmcv.cnn import ConvModule
from torch import Tensor, nn

RELU = {'type': 'ReLU'}
INSTANCE_NORM = {'type': 'IN', 'affine': False}


def conv_module(*args: Any, **kwargs: Any) -> ConvModule:
    """Build a `ConvModule`, without mmcv's warning about the bias that published networks have."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', 'Unnecessary conv bias')
        return ConvModule(*args, **kwargs)


def dcgan_init(module: nn.Module, init_bias: Callable[[Tensor], Any]) -> None:
    """Draw the weights of a network's convolutions from N(0, 0.02); their biases by `init_bias`."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, std=0.02)
            if layer.bias is not None:
                init_bias(layer.bias)


class ResidualBlock(nn.Module):
    """x + 3×3 convolutions of x, with an activation between them.

    Args:
        channels: Of the input and of every convolution.
        norm_cfg: Norm layer after each convolution; None for none.
        depth: Number of convolutions.
        act_cfg: The activation.
        act_at_end: Whether the activation also follows the last convolution.
        dropout_ratio: Dropout on the branch that is added to x.
        bias: Whether convolutions have a bias; `'auto'` for those without a norm.
        padding_mode: `'zeros'` or `'reflect'`.
    """

    def __init__(
        self,
        channels: int,
        norm_cfg: dict | None,
        depth: int = 2,
        act_cfg: dict | None = None,
        act_at_end: bool = False,
        dropout_ratio: float = 0.0,
        bias: bool | str = 'auto',
        padding_mode: str = 'zeros',
    ) -> None:
        super().__init__()
        self.depth = depth
        for number in range(1, depth + 1):
            last = number == depth and not act_at_end
            conv = conv_module(
                channels,
                channels,
                3,
                padding=1,
                bias=bias,
                norm_cfg=norm_cfg,
                act_cfg=None if last else dict(act_cfg or RELU),
                padding_mode=padding_mode,
            )
            self.add_module(f'conv{number}', conv)
        self.dropout = nn.Dropout(dropout_ratio) if dropout_ratio else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, H, W) to the same shape."""
        added = x
        for number in range(1, self.depth + 1):
            added = getattr(self, f'conv{number}')(added)
        return x + self.dropout(added)
