from __future__ import annotations

from mmengine.dist import all_reduce, get_world_size
from torch import Tensor


def global_mean(total: Tensor, count: Tensor) -> Tensor:
    """Divide a sum by a count so that all summands weigh the same across processes.

    Distributed training averages gradients over the processes. The mean of their means is not the
    mean over all summands, unless their counts are equal. So each process divides its own sum by
    the mean count: averaged, that is the total sum over the total count. The count is a constant,
    so this holds for the gradients too.

    All processes must call this equally often, with scalars: a sum, and a whole number.

    Returns:
        A scalar of the sum's type: the mean if there is one process; otherwise this process's part
        of it, times the number of processes. 0 with zero gradient if all counts are 0.
    """
    count = count.clone()
    all_reduce(count)
    return total * get_world_size() / count.clamp(min=1)


def mean_of_all_ranks(total: Tensor, count: Tensor) -> Tensor:
    """Divide the sum over all processes by their total count, without a gradient.

    Called like :func:`global_mean`. The result is the same in every process; 0 if all counts are 0.
    """
    mean = global_mean(total.detach(), count)
    all_reduce(mean, op='mean')
    return mean
