from __future__ import annotations

from mmcv.cnn import ConvModule
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """x + two 3×3 convolutions of x, a ReLU between them.

    Args:
        channels: Of the input and of both convolutions.
        norm_cfg: Norm layer after either convolution; None for none.
    """

    def __init__(self, channels: int, norm_cfg: dict | None) -> None:
        super().__init__()
        self.conv1 = ConvModule(channels, channels, 3, padding=1, norm_cfg=norm_cfg)
        self.conv2 = ConvModule(channels, channels, 3, padding=1, norm_cfg=norm_cfg, act_cfg=None)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, H, W) to the same shape."""
        return x + self.conv2(self.conv1(x))
