from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_joint.checkpoints.pretrained import KAIMING_FAN_IN, PretrainedMixin

# (squeeze, expand) widths of fire2 … fire9, and None where the network pools.
LAYOUT: tuple[tuple[int, int] | None, ...] = (None, (16, 64), (16, 64), None, (32, 128), (32, 128))
LAYOUT += (None, (48, 192), (48, 192), (64, 256), (64, 256))
TAPS = (4, 7, 12)  # fire3, fire5 and fire9 in `features`: the last before each halving


@MODELS.register_module()
class SqueezeNet(PretrainedMixin, BaseModule):
    """SqueezeNet 1.1 without its classifier: ImageNet features in 2.9 MB, for a CPU.

    *SqueezeNet: AlexNet-level accuracy with 50x fewer parameters* (Iandola et al., 2016). The
    parameters have torchvision's names (`features.*`), so its file loads as it is.

    torchvision pads neither the first convolution nor the poolings, so sizes shrink by odd
    amounts and a decoder could not crop to the image. Here the first convolution pads by one
    pixel and a pooling over an odd size sees one more row and column of zeros (which change no
    maximum after a ReLU), so that stride s means exactly ceil(H / s) × ceil(W / s). The outputs are
    those of torchvision for the image with a black border one pixel wide.

    Args:
        in_channels: Channels of the image.
        init_cfg: mmengine initialization, e.g. `dict(type='Pretrained', checkpoint=…)`. Without
            it the convolutions are drawn from He's normal distribution with `fan_in`.
    """

    default_init = (KAIMING_FAN_IN,)

    def __init__(self, in_channels: int = 3, init_cfg: dict | list[dict] | None = None) -> None:
        super().__init__(init_cfg)
        layers: list[nn.Module] = [
            nn.Conv2d(in_channels, 64, kernel_size=3, stride=2, padding=1),
            nn.ReLU(inplace=True),
        ]
        width = 64
        for entry in LAYOUT:
            if entry is None:
                layers.append(_CeilPool())
            else:
                layers.append(_Fire(width, *entry))
                width = 2 * entry[1]
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Encode normalized images (N, in_channels, H, W).

        Returns:
            The images themselves, fire3 (N, 128), fire5 (N, 256) and fire9 (N, 512) at strides
            1, 4, 8 and 16.
        """
        outputs = [x]
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in TAPS:
                outputs.append(x)
        return tuple(outputs)

    def convert_pretrained(self, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Drop torchvision's classifier and a leading `backbone.` of its names."""
        return {
            key.removeprefix('backbone.'): value
            for key, value in state_dict.items()
            if not key.startswith('classifier.')
        }


class _Fire(nn.Module):
    """Squeeze to a few channels, expand by 1×1 and 3×3 convolutions side by side."""

    def __init__(self, in_channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(in_channels, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return F.relu(torch.cat([self.expand1x1(x), self.expand3x3(x)], dim=1))


class _CeilPool(nn.Module):
    """3×3 max pooling with stride 2 that turns n rows of non-negative numbers into ceil(n / 2)."""

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = x.shape[2] % 2, x.shape[3] % 2
        if rows or columns:
            x = F.pad(x, (0, columns, 0, rows))
        return F.max_pool2d(x, kernel_size=3, stride=2, ceil_mode=True)
