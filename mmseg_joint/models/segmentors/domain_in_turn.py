from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .separate_statistics import batch_norms


def in_turn(
    segment: Callable[[Tensor], Any], pictures: Tensor, network: Sequence[nn.Module]
) -> Any:
    """Run one domain's forward, and again in the backward, so that domains' maps never coexist.

    Losses couple the domains, so all of them are computed before the one backward. Autograd comes
    to the domains one after the other there: it computes one's maps again from its pictures, uses
    them up, and turns to the next. Outputs and gradients are those of keeping all maps, to the last
    bit; a dropout draws again what it drew.

    Args:
        segment: The segmentor's forward: pictures -> features and score map.
        pictures: One domain's pictures, (N, 3, H, W).
        network: The modules that `segment` uses.

    Returns:
        What `segment` returns.
    """

    def contexts() -> tuple[AbstractContextManager, AbstractContextManager]:
        return nullcontext(), running_averages_kept(network)

    return checkpoint(segment, pictures, use_reentrant=False, context_fn=contexts)


@contextmanager
def running_averages_kept(network: Sequence[nn.Module]) -> Iterator[None]:
    """Let batch norms keep their running averages, which the same pictures have moved already.

    Args:
        network: Modules among which the batch norms are found.
    """
    norms = [norm for norm in batch_norms(network) if norm.running_mean is not None]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, batches) in zip(norms, before):
            norm.momentum, norm.num_batches_tracked = momentum, batches
