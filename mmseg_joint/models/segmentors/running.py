from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby

import torch
from torch import Tensor, nn

from mmseg_joint.errors import JointError


def group_domains(
    images: Mapping[str, Tensor], trained: Container[str], merge: bool | str
) -> list[list[str]]:
    """Decide which domains run through the segmentor together; groups are in the batch's order.

    Args:
        images: Domain -> its images, (N, 3, H, W).
        trained: Domains whose outputs train the segmentor; the others need no graph.
        merge: `'auto'` for neighbors of one size that all need a graph, or all need none (only
            neighbors, so that the running averages of batch norms see the domains in order), True
            for all, False for none.

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
def gradients(wanted: bool) -> Iterator[None]:
    """Compute with a graph if one is wanted and no surrounding context switches graphs off.

    Autocast caches the weights that it has cast. If no graph was wanted, the cache is cleared:
    older versions of torch would reuse these weights in a later call with a graph, and their
    layers would get no gradient.
    """
    with torch.set_grad_enabled(wanted and torch.is_grad_enabled()):
        yield
    if not wanted:
        torch.clear_autocast_cache()


@contextmanager
def evaluation_mode(network: Sequence[nn.Module]) -> Iterator[None]:
    """Run a network in evaluation mode; afterwards, each module's own mode is restored."""
    training = [module for part in network for module in part.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
