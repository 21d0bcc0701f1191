"""How domains run through the segmentor: together, one after the other, or as it is tested."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmseg_joint.errors import JointError


def group_domains(
    images: Mapping[str, Tensor], trained: Container[str], merge: bool | str
) -> list[list[str]]:
    """Decide which domains run through the segmentor together.

    Args:
        images: Domain -> its images, (N, 3, H, W).
        trained: Domains through which something trains the segmentor; the others need no graph.
        merge: `'auto'` for neighbors of one size that need a graph alike (no others, so that the
            running averages of batch norms see the domains in order), True for all, False for none.

    Returns:
        Groups of domains, in the order of the batch.

    Raises:
        JointError: When all are to run together, but their sizes differ.
    """
    sizes = {domain: tuple(part.shape[2:]) for domain, part in images.items()}
    if merge is False:
        return [[domain] for domain in images]
    if merge is True:
        if len(set(sizes.values())) > 1:
            raise JointError(
                f'model.merge_domains=True needs images of one size, not {sizes}: set it to '
                '"auto", or resize all domains alike.'
            )
        return [list(images)]
    alike = groupby(images, key=lambda domain: (sizes[domain], domain in trained))
    return [list(group) for _, group in alike]


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


def run_sequentially(segment: Callable[[Tensor], Any], images: Tensor) -> Any:
    """Run one domain's forward, and again in the backward, so that domains' maps never coexist.

    Losses couple the domains, so all of them are computed before the one backward. Autograd comes
    to the domains one after the other there: it computes one's maps again from its images, uses
    them up, and turns to the next. Outputs and gradients are those of keeping all maps, to the last
    bit; a dropout draws again what it drew.
    """
    return checkpoint(segment, images, use_reentrant=False)
