from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from mmseg_joint.datasets.randomness import seeded
from mmseg_joint.models.segmentors.running import evaluation_mode

SEED = 0


@contextmanager
def isolated_eval(model: nn.Module) -> Iterator[None]:
    """Evaluate a model in the middle of its training, without side effects.

    Inside, every module is in evaluation mode, nothing needs gradients, and random numbers come
    from a seed of their own. Afterwards each module's mode and each generator (Python's, numpy's,
    PyTorch's on the CPU and on the model's GPUs) is restored.
    """
    # evaluation_mode: some batch norms may be frozen in a model in training mode
    with _own_randomness(model), torch.no_grad(), evaluation_mode([model]):
        yield


@contextmanager
def isolated_forward(model: nn.Module) -> Iterator[None]:
    """Run a model as in training, with gradients, without side effects.

    Inside, random numbers come from a seed of their own. Afterwards each buffer, such as batch
    norm's running averages, and each generator is restored. Take gradients with
    `torch.autograd.grad`, which accumulates none.
    """
    buffers = {buffer: buffer.clone() for buffer in model.buffers()}
    try:
        with _own_randomness(model):
            yield
    finally:
        with torch.no_grad():
            for buffer, value in buffers.items():
                buffer.copy_(value)


@contextmanager
def _own_randomness(model: nn.Module) -> Iterator[None]:
    gpus = sorted({p.device.index for p in model.parameters() if p.device.type == 'cuda'})
    with torch.random.fork_rng(gpus), seeded(SEED, 'isolated', 0):
        if gpus:
            torch.cuda.manual_seed_all(SEED)
        yield
