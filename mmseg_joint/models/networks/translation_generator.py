from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from .residual_block import INSTANCE_NORM, ResidualBlock, conv_module, dcgan_init


@MODELS.register_module()
class TranslationGenerator(BaseModule):
    """Translates an image of one domain into the look of another.

    G of *Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks* (Zhu et
    al., ICCV 2017): a 7×7 convolution, two of stride 2, nine residual blocks, two transposed
    convolutions, a 7×7 convolution and a tanh; instance norm and ReLU in between. 11,378,179
    parameters with the defaults. The initial weights are N(0, 0.02), the initial biases 0.

    Args:
        channels: Widths of the first three convolutions; the decoder has them in reverse.
        num_blocks: Residual blocks.
        init_cfg: mmengine initialization, in place of that.
    """

    def __init__(
        self,
        channels: Sequence[int] = (64, 128, 256),
        num_blocks: int = 9,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        first, *others = channels
        common: dict[str, Any] = dict(bias=True, norm_cfg=INSTANCE_NORM)
        self.enter = nn.Sequential(
            conv_module(3, first, 7, padding=3, padding_mode='reflect', **common)
        )
        self.down = nn.Sequential(
            *(conv_module(a, b, 3, stride=2, padding=1, **common) for a, b in zip(channels, others))
        )
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(channels[-1], INSTANCE_NORM, bias=True, padding_mode='reflect')
                for _ in range(num_blocks)
            )
        )
        back = list(reversed(channels))
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 3, 2, 1) for a, b in zip(back, back[1:]))
        self.to_picture = nn.Conv2d(first, 3, 7, padding=3, padding_mode='reflect')
        dcgan_init(self, nn.init.zeros_)

    def forward(self, images: Tensor) -> Tensor:
        """Translate images, (N, 3, H, W) in [-1, 1], to images of the same shape and range."""
        x = self.blocks(self.down(self.enter(images)))
        for up in self.up:
            x = up(x, output_size=[2 * length for length in x.shape[2:]])
            x = torch.relu(F.instance_norm(x))
        height, width = images.shape[2:]  # strides round up
        return torch.tanh(self.to_picture(x)[..., :height, :width])
