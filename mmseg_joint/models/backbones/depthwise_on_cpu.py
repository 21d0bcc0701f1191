from __future__ import annotations

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.grad import conv2d_input


def speed_up_depthwise(network: nn.Module) -> None:
    """Speed up the training of a network's depthwise convolutions on a CPU, in place.

    In mixed precision they run in float32, since their backward in bfloat16 takes 3 to 8 times as
    long. oneDNN is also slow at the weight gradient of kernels wider than 3: here it is a
    convolution of the images with the gradients as kernels, which takes a sixth of the time for two
    images of EfficientNet-Lite0's maps and a third for eight. It cannot be differentiated again.
    GPUs are left alone.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and 1 < module.groups == module.in_channels:
            module.__class__ = _on_cpu(type(module))  # type: ignore[arg-type]


class _OnCPU:
    def forward(self, inputs: Tensor) -> Tensor:
        forward = super().forward  # type: ignore[misc]
        mixed = inputs.device.type == 'cpu' and torch.is_autocast_enabled('cpu')
        if not mixed or inputs.dtype == torch.float64:
            return forward(inputs)
        dtype = torch.get_autocast_dtype('cpu')
        with torch.autocast('cpu', enabled=False):
            return forward(inputs.float()).to(dtype)

    def _conv_forward(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if not self._has_faster_gradient(inputs, weight):
            return super()._conv_forward(inputs, weight, bias)  # type: ignore[misc]
        maps = _Depthwise.apply(inputs, weight, self.padding)  # type: ignore[attr-defined]
        return maps if bias is None else maps + bias.view(-1, 1, 1)

    def _has_faster_gradient(self: Any, inputs: Tensor, weight: Tensor) -> bool:
        return (
            torch.is_grad_enabled()
            and weight.requires_grad
            and inputs.device.type == 'cpu'
            and inputs.dim() == 4
            and not torch.jit.is_tracing()  # which would lose the layer
            and max(self.kernel_size) > 3
            and self.in_channels == self.out_channels
            and {*self.stride, *self.dilation} == {1}
            and not isinstance(self.padding, str)
            and self.padding_mode == 'zeros'
        )


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, padding: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.padding = padding
        return F.conv2d(maps, weight, padding=padding, groups=len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        maps, weight = ctx.saved_tensors
        maps_grad = weight_grad = None
        if ctx.needs_input_grad[0]:
            maps_grad = conv2d_input(
                maps.shape, weight, gradient, padding=ctx.padding, groups=len(weight)
            )
        if ctx.needs_input_grad[1]:
            # each channel of each image is a group: its map, with its gradient as the kernel
            kernels = gradient.flatten(0, 1)[:, None]
            images = maps.flatten(0, 1)[None]
            with torch.autocast('cpu', enabled=False):
                products = F.conv2d(images, kernels, padding=ctx.padding, groups=len(kernels))
            weight_grad = products.view(len(maps), *weight.shape).sum(dim=0)
        return maps_grad, weight_grad, None


@cache
def _on_cpu(kind: type[nn.Module]) -> type[nn.Module]:
    return type(kind.__name__, (_OnCPU, kind), {})
