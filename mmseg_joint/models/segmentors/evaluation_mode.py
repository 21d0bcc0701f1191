from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluation_mode(network: Sequence[nn.Module]) -> Iterator[None]:
    """Let a network in training run as it is tested; afterwards each module's mode is its own."""
    training = [module for part in network for module in part.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
