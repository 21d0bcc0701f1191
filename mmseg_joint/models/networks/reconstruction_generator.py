from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule, constant_init, kaiming_init, normal_init
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_joint.errors import JointError

from .residual_block import ResidualBlock

FIRST_STD = 0.02  # of the last convolution's weights: the first images are nearly gray


@MODELS.register_module()
class ReconstructionGenerator(BaseModule):
    """Reconstructs the image from the encoder's deep features.

    G of *Not All Areas Are Equal: Transfer Learning for Semantic Segmentation via Hierarchical
    Region Selection* (Sun et al., CVPR 2019), sections 3.2 and 3.3: two residual blocks, six
    3×3 convolutions and one 1×1. The paper gives the six "stride 2", although the size must grow
    from 1/32 to 1; here the first log2(feature_stride) of them double the size by nearest
    up-sampling before they convolve, and the others keep it (H9).

    The initial weights keep the features' scale from layer to layer, and the tanh away from its
    flat ends, where there is no gradient and nothing is learned (H17).

    Args:
        in_channels: Channels of the features.
        feature_stride: Their stride, a power of two: 32 for conv5 after its pooling.
        channels: Widths of the 3×3 convolutions.
        out_channels: Channels of the image.
        num_residual_blocks: Residual blocks, at the features' resolution.
        block_channels: Their width; if not `in_channels`, a 1×1 convolution precedes them.
        norm_cfg: Norm layer of every convolution but the last; `None` for none.
        init_cfg: mmengine initialization, in place of ours.

    Raises:
        JointError: When the stride is not a power of two or needs more doublings than convolutions.
    """

    def __init__(
        self,
        in_channels: int = 512,
        feature_stride: int = 32,
        channels: Sequence[int] = (256, 128, 64, 32, 16, 16),
        out_channels: int = 3,
        num_residual_blocks: int = 2,
        block_channels: int | None = None,
        norm_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.num_doublings = feature_stride.bit_length() - 1
        if feature_stride != 2**self.num_doublings or self.num_doublings > len(channels):
            raise JointError(
                f'the feature_stride={feature_stride} of a ReconstructionGenerator must be a '
                f'power of two up to {2 ** len(channels)}, for it has {len(channels)} convolutions '
                'that can double the size.'
            )
        self.feature_stride = feature_stride
        width = block_channels or in_channels
        entry = [ConvModule(in_channels, width, 1)] if width != in_channels else []
        blocks = [ResidualBlock(width, norm_cfg) for _ in range(num_residual_blocks)]
        self.blocks = nn.Sequential(*entry, *blocks)
        self.convs = nn.ModuleList(
            ConvModule(before, after, 3, padding=1, norm_cfg=norm_cfg)
            for before, after in zip((width, *channels), channels)
        )
        self.to_picture = nn.Conv2d(channels[-1], out_channels, kernel_size=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                kaiming_init(module, mode='fan_in', distribution='normal')
        for block in blocks:  # begins as the identity
            constant_init(block.conv2.conv, 0)
        normal_init(self.to_picture, std=FIRST_STD)

    def forward(self, features: Tensor, size: Sequence[int]) -> Tensor:
        """Reconstruct images.

        The encoders here round sizes up, so a feature map covers up to one stride more than its
        image, at the right and the bottom; the excess is cut off. A map that covers more comes
        from an encoder that pads on all sides (the original FCN8s) and is center-cropped. One
        that covers less is resized.

        Args:
            features: (N, in_channels, h, w).
            size: Height H and width W of the image.

        Returns:
            Images (N, out_channels, H, W) in [-1, 1].
        """
        x = self.blocks(features)
        for index, conv in enumerate(self.convs):
            if index < self.num_doublings:
                x = F.interpolate(x, scale_factor=2.0, mode='nearest')
            x = conv(x)
        return torch.tanh(self._fit(self.to_picture(x), size))

    def _fit(self, image: Tensor, size: Sequence[int]) -> Tensor:
        excess = [given - wanted for given, wanted in zip(image.shape[2:], size)]
        if min(excess) < 0:
            size = tuple(size)
            return F.interpolate(image, size=size, mode='bilinear', align_corners=False)
        top, left = (0 if more < self.feature_stride else more // 2 for more in excess)
        return image[..., top : top + size[0], left : left + size[1]]
