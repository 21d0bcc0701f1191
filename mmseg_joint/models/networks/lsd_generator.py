from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_joint.errors import JointError

from .residual_block import INSTANCE_NORM, ResidualBlock, dcgan_init

DROPOUT = 0.5
LEGACY_CROP = 100  # padding of the image in the original FCN8s


def lsd_init(module: nn.Module) -> None:
    """Draw a network's weights from N(0, 0.02) and its biases from U(-0.01, 0.01)."""
    dcgan_init(module, partial(nn.init.uniform_, a=-0.01, b=0.01))


def residual_blocks(count: int, channels: int, **options: Any) -> nn.Sequential:
    """Build LSD-seg's residual blocks, of one convolution each."""
    options.update(depth=1, act_at_end=True)
    return nn.Sequential(*(ResidualBlock(channels, INSTANCE_NORM, **options) for _ in range(count)))


@MODELS.register_module()
class LSDGenerator(BaseModule):
    """Reconstructs the image from three of the encoder's features.

    G of *Learning from Synthetic Data: Addressing Domain Shift for Semantic Segmentation*
    (Sankaranarayanan, Balaji, Jain, Lim and Chellappa, CVPR 2018), as in its public code:
    transposed convolutions, each with instance norm, ReLU and two residual blocks of one
    convolution; the two finer features are concatenated on the way. 64,221,187 parameters with the
    defaults.

    Args:
        in_channels: Channels of the finest, the middle and the deepest feature: pool3, pool4, fc7.
        channels: Widths of the first layer, at the middle feature's size, at the finest one's, and
            of each doubling beyond except the last, which outputs the image.
        kernel_size: Of the first layer; odd.
        num_blocks: Residual blocks after each layer.
        dropout_ratio: Dropout of the residual blocks.
        legacy_padding: Whether the features come from the original FCN8s, which pads images by
            100. Sizes that fit it, such as 320×640 and 512×1024, then need no cropping.
        init_cfg: mmengine initialization, in place of the public code's.

    Raises:
        JointError: When the numbers of features and widths do not match.
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (256, 512, 4096),
        channels: Sequence[int] = (256, 512, 256, 128, 64),
        kernel_size: int = 7,
        num_blocks: int = 2,
        dropout_ratio: float = DROPOUT,
        legacy_padding: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if len(in_channels) != 3 or len(channels) < 3:
            raise JointError(
                f'a LSDGenerator with in_channels={tuple(in_channels)} and '
                f'channels={tuple(channels)} needs three features, and a width for each at least.'
            )
        fine, middle, deepest = in_channels
        self.legacy_padding = legacy_padding
        padding = 0 if legacy_padding else kernel_size // 2
        joined = {1: middle, 2: fine}  # channels concatenated before a layer
        self.ups = nn.ModuleList(
            [nn.ConvTranspose2d(deepest, channels[0], kernel_size, 1, padding, bias=False)]
        )
        for index, (before, after) in enumerate(zip(channels, channels[1:])):
            kernel = 3 if index < 2 else 5
            before += joined.get(index, 0)
            self.ups.append(nn.ConvTranspose2d(before, after, kernel, 2, kernel // 2, bias=False))
        self.norms = nn.ModuleList(nn.InstanceNorm2d(width) for width in channels)
        self.blocks = nn.ModuleList(
            residual_blocks(num_blocks, width, dropout_ratio=dropout_ratio, bias=False)
            for width in channels
        )
        before = channels[-1] + joined.get(len(channels) - 1, 0)
        padding = LEGACY_CROP if legacy_padding else 3
        self.to_picture = nn.ConvTranspose2d(before, 3, 8, 2, padding)
        lsd_init(self)

    def forward(self, features: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        """Reconstruct images.

        Args:
            features: The finest, the middle and the deepest feature, each of half the size of the
                one before, rounded up, (N, K, h, w).
            size: Height H and width W of the images.

        Returns:
            Images (N, 3, H, W) in [0, 1].
        """
        fine, middle, x = features
        grows = self._missing_rows(fine.shape[2:], size)
        for index, (up, norm, blocks) in enumerate(zip(self.ups, self.norms, self.blocks)):
            joined = {1: middle, 2: fine}.get(index)
            wanted = None if joined is None else list(joined.shape[2:])
            if index > 2:
                wanted = [2 * n - 1 + more for n, more in zip(x.shape[2:], grows)]
            x = blocks(torch.relu(norm(up(x, output_size=wanted))))
            if joined is not None:
                x = torch.cat([x, joined], dim=1)
        return torch.sigmoid(self.to_picture(x)[..., : size[0], : size[1]])

    def _missing_rows(self, fine: Sequence[int], size: Sequence[int]) -> list[int]:
        """For height and width: 1 if doublings must give 2n rows, 0 if 2n - 1 are enough."""
        if not self.legacy_padding:
            return [1, 1]
        grows = []
        for length, wanted in zip(fine, size):
            for _ in self.ups[3:]:
                length = 2 * length - 1
            grows.append(int(2 * (length - 1) - 2 * LEGACY_CROP + 8 < wanted))
        return grows
