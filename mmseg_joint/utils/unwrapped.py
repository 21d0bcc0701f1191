from __future__ import annotations

from typing import Any

from torch import nn


def unwrapped(model: nn.Module) -> Any:
    """Return a model without what is around it: DistributedDataParallel, test-time augmentation."""
    while isinstance(getattr(model, 'module', None), nn.Module):
        model = model.module
    return model
