from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class StridedConvs(nn.ModuleList):
    """A chain of convolutions with LeakyReLU between them and a linear output.

    A map smaller than the kernel is padded with zeros at the right and the bottom until one
    position fits, so that small images give a 1×1 map where the formula would give an empty one.

    Args:
        widths: Channels before, between and after the convolutions (one more than convolutions).
        kernel_size: Of every convolution.
        strides: One per convolution.
        paddings: One pair (left and top, right and bottom) per convolution.
        negative_slope: Of the LeakyReLU.
        full_precision_end: Run the last convolution in float32 under autocast too.
        instance_norm: Normalize each channel of each image, without parameters, before each
            LeakyReLU but the first.
    """

    def __init__(
        self,
        widths: Sequence[int],
        kernel_size: int,
        strides: Sequence[int],
        paddings: Sequence[tuple[int, int]],
        negative_slope: float,
        full_precision_end: bool = False,
        instance_norm: bool = False,
    ) -> None:
        assert len(widths) - 1 == len(strides) == len(paddings)
        super().__init__(
            nn.Conv2d(before, after, kernel_size, stride, padding=low if low == high else 0)
            for before, after, stride, (low, high) in zip(widths, widths[1:], strides, paddings)
        )
        self.to(memory_format=torch.channels_last)
        self.kernel_size = kernel_size
        self.paddings = tuple(paddings)
        self.negative_slope = negative_slope
        self.full_precision_end = full_precision_end
        self.instance_norm = instance_norm

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, widths[0], H, W) to (N, widths[-1], h, w)."""
        for index, (conv, (low, high)) in enumerate(zip(self, self.paddings)):
            if index > 1 and self.instance_norm:
                x = F.instance_norm(x)
            if index:
                x = F.leaky_relu(x, self.negative_slope, inplace=True)
            missing = [max(0, self.kernel_size - low - high - n) for n in x.shape[2:]]
            if x.shape[3] == low == high == 1 and self.kernel_size == 3 and conv.stride[1] == 2:
                # oneDNN leaves part of these weights' bfloat16 gradient unwritten; one more column
                # of zeros changes no result and avoids it
                missing[1] = 1
            if low != high:  # a convolution pads both sides alike
                x = F.pad(x, (low, high + missing[1], low, high + missing[0]))
            elif any(missing):
                x = F.pad(x, (0, missing[1], 0, missing[0]))
            if self.full_precision_end and index == len(self) - 1:
                with torch.autocast(x.device.type, enabled=False):
                    return conv(x.to(conv.weight.dtype))
            x = conv(x)
        return x
