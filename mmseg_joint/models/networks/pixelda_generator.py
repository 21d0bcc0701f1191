from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from .residual_block import ResidualBlock

PUBLISHED_INIT = dict(type='Normal', layer=['Conv2d', 'Linear'], std=0.02)


@MODELS.register_module()
class PixelDAGenerator(BaseModule):
    """Translates a synthetic image into the look of real ones.

    G of *Unsupervised Pixel-Level Domain Adaptation with Generative Adversarial Networks*
    (Bousmalis et al., CVPR 2017), Figure 2: a noise vector becomes one more channel of the
    image; a 3×3 convolution with a ReLU, six residual blocks with batch norm, a 1×1 convolution
    and a tanh follow, all at full size.

    The paper's fully connected layer has one output for each pixel. Here it has one for each cell
    of a grid, which is enlarged to the image, so that images of any size work (B7); with
    `noise_size` set to the images' size it is the paper's.

    Args:
        channels: Width of all convolutions but the last.
        num_blocks: Residual blocks.
        noise_dims: Length of z.
        noise_size: Height and width of the grid.
        norm_cfg: Norm layer of the residual blocks.
        init_cfg: mmengine initialization, in place of the published code's N(0, 0.02) (B7a).
    """

    def __init__(
        self,
        channels: int = 64,
        num_blocks: int = 6,
        noise_dims: int = 10,
        noise_size: Sequence[int] = (64, 128),
        norm_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or PUBLISHED_INIT)
        self.noise_size = tuple(noise_size)
        self.project = nn.Linear(noise_dims, prod(self.noise_size))
        self.enter = nn.Conv2d(4, channels, kernel_size=3, padding=1)
        norm_cfg = norm_cfg or {'type': 'BN'}
        self.blocks = nn.Sequential(*(ResidualBlock(channels, norm_cfg) for _ in range(num_blocks)))
        self.to_picture = nn.Conv2d(channels, 3, kernel_size=1)

    def forward(self, images: Tensor, noise: Tensor | None = None) -> Tensor:
        """Translate images.

        Args:
            images: (N, 3, H, W) in [-1, 1].
            noise: z, (N, noise_dims); drawn from U(-1, 1) for each image if None.

        Returns:
            Images (N, 3, H, W) in [-1, 1].
        """
        if noise is None:
            noise = images.new_empty(len(images), self.project.in_features).uniform_(-1, 1)
        channel = self.project(noise).to(images.dtype).unflatten(1, (1, *self.noise_size))
        size = images.shape[2:]
        channel = F.interpolate(channel, size=size, mode='bilinear', align_corners=False)
        x = F.relu(self.enter(torch.cat([images, channel], dim=1)))
        return torch.tanh(self.to_picture(self.blocks(x)))
