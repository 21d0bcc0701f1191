from __future__ import annotations

from collections.abc import Container, Mapping
from itertools import groupby

from torch import Tensor

from mmseg_joint.errors import JointError


def group_domains(
    pictures: Mapping[str, Tensor], taught: Container[str], merge: bool | str
) -> list[list[str]]:
    """Decide which domains run through the segmentor together.

    Args:
        pictures: Domain -> its pictures, (N, 3, H, W).
        taught: Domains through which something trains the segmentor; the others need no graph.
        merge: `'auto'` for neighbours of one size that need a graph alike (no others, so that the
            running averages of batch norms see the domains in order), True for all, False for none.

    Returns:
        Groups of domains, in the order of the batch.

    Raises:
        JointError: All are to run together, but their sizes differ.
    """
    sizes = {domain: tuple(part.shape[2:]) for domain, part in pictures.items()}
    if merge is False:
        return [[domain] for domain in pictures]
    if merge is True:
        if len(set(sizes.values())) > 1:
            raise JointError(
                f'model.merge_domains=True needs pictures of one size, not {sizes}: set it to '
                '"auto", or resize all domains alike.'
            )
        return [list(pictures)]
    alike = groupby(pictures, key=lambda domain: (sizes[domain], domain in taught))
    return [list(group) for _, group in alike]
