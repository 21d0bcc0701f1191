from __future__ import annotations

import torch
from mmengine.dist import all_reduce, is_distributed
from torch import nn


@torch.no_grad()
def average_buffers(model: nn.Module) -> None:
    """Give all processes the mean of their buffers, such as a batch norm's running statistics.

    Each process has statistics of its own images, but only the first one's get into a checkpoint.
    Integer buffers stay as they are: counters are equal everywhere, and images kept by one process
    have no mean. All processes must call this. Doing it twice changes nothing: the sum of equal
    float32 values is exact in float64.
    """
    buffers = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
    if not buffers or not is_distributed():
        return
    mean = torch.cat([buffer.double().flatten() for buffer in buffers])
    all_reduce(mean, 'mean')
    for buffer, part in zip(buffers, mean.split([buffer.numel() for buffer in buffers])):
        buffer.copy_(part.view_as(buffer))
