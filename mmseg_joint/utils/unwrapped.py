from __future__ import annotations

from typing import Any

from torch import nn
from torch.optim import Optimizer


def unwrapped(model: nn.Module) -> Any:
    """Return a model without its wrappers: DistributedDataParallel, test-time augmentation."""
    while isinstance(getattr(model, 'module', None), nn.Module):
        model = model.module
    return model


def optimizers_of(optim_wrapper: Any) -> dict[str, Optimizer]:
    """Return each network's name -> its PyTorch optimizer, for one wrapper or several."""
    several = hasattr(optim_wrapper, 'items')
    named = optim_wrapper.items() if several else [('segmentor', optim_wrapper)]
    return {name: inner.optimizer for name, inner in named}
