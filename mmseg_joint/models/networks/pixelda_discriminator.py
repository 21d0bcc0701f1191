from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from .pixelda_generator import PUBLISHED_INIT

LAST_MAP = 4  # height and width of the map that the paper's fully connected layer reads


@MODELS.register_module()
class PixelDADiscriminator(BaseModule):
    """Tells real images from translated ones, with noise to make it harder.

    D of *Unsupervised Pixel-Level Domain Adaptation with Generative Adversarial Networks*
    (Bousmalis et al., CVPR 2017), Figure 2: 3×3 convolutions, the first of stride 1, the others of
    stride 2 with twice the channels and batch norm; LeakyReLU(0.2) and dropout after each.

    The paper classifies a 32×32 image by one fully connected layer on the last map, of 4×4. Here
    that layer is a 4×4 convolution: the same on such an image, and one logit per window position
    on a larger one (B8).

    Args:
        in_channels: Channels of the input.
        channels: Width of each 3×3 convolution.
        negative_slope: Of the LeakyReLU.
        dropout_ratio: Of the dropout.
        input_noise: Standard deviation of the Gaussian noise on the images while training.
        hidden_noise: The same after each dropout; the published code has its noise there (B8).
        norm_cfg: Norm layer of all convolutions but the first and the last.
        init_cfg: mmengine initialization, in place of the published code's N(0, 0.02) (B7a).
    """

    def __init__(
        self,
        in_channels: int = 3,
        channels: Sequence[int] = (64, 128, 256, 512),
        negative_slope: float = 0.2,
        dropout_ratio: float = 0.1,
        input_noise: float = 0.2,
        hidden_noise: float = 0.0,
        norm_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or PUBLISHED_INIT)
        norm_cfg = norm_cfg or {'type': 'BN'}
        self.convs = nn.ModuleList(
            ConvModule(
                before,
                after,
                kernel_size=3,
                stride=2 if index else 1,
                padding=1,
                norm_cfg=norm_cfg if index else None,
                act_cfg={'type': 'LeakyReLU', 'negative_slope': negative_slope},
            )
            for index, (before, after) in enumerate(zip((in_channels, *channels), channels))
        )
        self.dropout = nn.Dropout(dropout_ratio)
        self.to_logit = nn.Conv2d(channels[-1], 1, kernel_size=LAST_MAP)
        self.input_noise = input_noise
        self.hidden_noise = hidden_noise

    def forward(self, images: Tensor) -> Tensor:
        """Classify images, (N, in_channels, H, W) in [-1, 1].

        Returns:
            Logits (N, 1, h, w), positive where real; with the defaults h = max(1, ⌈H / 8⌉ - 3).
        """
        x = self._noisy(images, self.input_noise)
        for conv in self.convs:
            x = self._noisy(self.dropout(conv(x)), self.hidden_noise)
        # a smaller map is extended by zeros until the window fits
        missing = [max(0, LAST_MAP - length) for length in x.shape[2:]]
        return self.to_logit(F.pad(x, (0, missing[1], 0, missing[0])) if any(missing) else x)

    def _noisy(self, x: Tensor, deviation: float) -> Tensor:
        return x + deviation * torch.randn_like(x) if self.training and deviation else x
