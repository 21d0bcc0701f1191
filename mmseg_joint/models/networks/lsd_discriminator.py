from __future__ import annotations

import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from .lsd_generator import DROPOUT, lsd_init, residual_blocks

SLOPE = 0.2
LEAKY = {'type': 'LeakyReLU', 'negative_slope': SLOPE}


@MODELS.register_module()
class LSDDiscriminator(BaseModule):
    """Classifies an image, patch by patch, as one of four kinds, and labels its content.

    D of *Learning from Synthetic Data: Addressing Domain Shift for Semantic Segmentation*
    (Sankaranarayanan, Balaji, Jain, Lim and Chellappa, CVPR 2018), as in its public code: a 4×4
    convolution of stride 2, three times three residual blocks of one convolution, with the size
    halved in between, and two heads. 1,361,047 parameters with the defaults.

    Args:
        num_classes: Number of classes C.
        channels: Width of all layers but the heads.
        num_blocks: Residual blocks at each of the three sizes.
        num_domains: Kinds of images.
        dropout_ratio: Dropout of the residual blocks.
        init_cfg: mmengine initialization, in place of the public code's.
    """

    def __init__(
        self,
        num_classes: int = 19,
        channels: int = 128,
        num_blocks: int = 3,
        num_domains: int = 4,
        dropout_ratio: float = DROPOUT,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.enter = nn.Conv2d(3, channels, 4, 2, 2)
        self.norm = nn.InstanceNorm2d(channels)
        options = dict(act_cfg=LEAKY, dropout_ratio=dropout_ratio, bias=True)
        self.blocks = nn.ModuleList(
            residual_blocks(num_blocks, channels, **options) for _ in range(3)
        )
        self.to_domain = nn.Conv2d(channels, num_domains, 3, padding=1)
        self.to_class = nn.Conv2d(channels, num_classes, 3, padding=1)
        lsd_init(self)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Classify images, (N, 3, H, W) in [0, 1].

        Returns:
            Logits of the kind of image, (N, num_domains, h, w), and of the classes, (N, C, h, w),
            with h about H / 8.
        """
        x = F.leaky_relu(self.norm(self.enter(images)), SLOPE)
        for index, blocks in enumerate(self.blocks):
            x = blocks(F.max_pool2d(x, 2) if index else x)
        return self.to_domain(x), self.to_class(x)
