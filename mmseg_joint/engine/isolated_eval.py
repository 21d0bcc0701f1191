from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


@contextmanager
def isolated_eval(model: nn.Module, seed: int = 0) -> Iterator[None]:
    """Look at a model in the middle of its training, and leave no trace.

    Inside, every module is in evaluation mode, nothing needs gradients, and random numbers come
    from a seed of their own. Afterwards each module's mode is its own again, and each generator
    (Python's, numpy's, PyTorch's on the CPU and on the model's GPUs) goes on where it was.

    Args:
        model: The model, without a wrapper.
        seed: Seed of what is drawn inside.
    """
    modes = {module: module.training for module in model.modules()}
    gpus = sorted({p.device.index for p in model.parameters() if p.device.type == 'cuda'})
    states = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(gpus), torch.no_grad():
            random.seed(seed)
            np.random.seed(seed)
            torch.manual_seed(seed)
            model.eval()
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        # one by one: a batch norm may be frozen in a model that trains
        for module, mode in modes.items():
            module.training = mode
