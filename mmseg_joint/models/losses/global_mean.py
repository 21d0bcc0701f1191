from __future__ import annotations

from mmengine.dist import all_reduce, get_world_size
from torch import Tensor


def global_mean(total: Tensor, count: Tensor) -> Tensor:
    """Divide a sum by a count so that processes with unlike counts weigh every summand alike.

    Distributed training averages gradients over the processes. The mean of their means is not the
    mean over what all of them have, unless they have equally much. So each divides its own sum by
    the mean count: averaged, that is the sum of all over the count of all. The count is a constant,
    so gradients need no more than that.

    All processes must call this, as often as each other, with scalars: a sum, and a whole number.

    Returns:
        A scalar of the sum's type: alone, the mean; else this process's part of it, times the
        number of processes. 0 with zero gradient if none of them has any.
    """
    count = count.clone()
    all_reduce(count)
    return total * get_world_size() / count.clamp(min=1)


def mean_of_all_ranks(total: Tensor, count: Tensor) -> Tensor:
    """Divide what all processes have together by how much that is; no gradient passes.

    To be called as :func:`global_mean` is. The same in every process; 0 if none of them has any.
    """
    mean = global_mean(total.detach(), count)
    all_reduce(mean, op='mean')
    return mean
