from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def separate_statistics(network: Iterable[nn.Module], sizes: Sequence[int]) -> Iterator[None]:
    """Let each domain keep its own batch statistics while all share one forward.

    Batch norm then computes what one forward a domain would compute, in the same order: the same
    outputs, gradients and running averages, while convolutions see one batch.

    Args:
        network: Modules among which the batch norms are found.
        sizes: Pictures of each domain, in the order in which the batch holds them.
    """
    norms = batch_norms(network)
    for norm in norms:
        norm.forward = _separate(norm.forward, list(sizes))
    try:
        yield
    finally:
        for norm in norms:
            del norm.forward


def batch_norms(network: Iterable[nn.Module]) -> list[nn.Module]:
    """Find the layers that normalise with the statistics of the batch.

    Args:
        network: Modules to look through.

    Returns:
        Batch norms in training mode, or without running averages.
    """
    return [
        module
        for part in network
        for module in part.modules()
        if isinstance(module, _BatchNorm) and (module.training or module.running_mean is None)
    ]


def _separate(forward: Callable[[Tensor], Tensor], sizes: list[int]) -> Callable[[Tensor], Tensor]:
    return lambda x: torch.cat([forward(part) for part in x.split(sizes)])
