from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.autograd import Variable

from mmseg_joint.errors import JointError


def check_finite(total: Tensor, log_vars: dict[str, Tensor]) -> None:
    """Stop a step whose loss is not a number before anything is updated with it.

    On a GPU this takes no synchronization that would leave it idle: the values are read once the
    whole backward has been launched, when the forward that computed them is long over and the
    optimizers have not been called. That also brings the values for the log, which would otherwise
    be fetched one by one. Where no backward will follow, and on a CPU, they are read at once.

    Args:
        total: The loss, which the backward begins with.
        log_vars: Name -> value for the log, `loss` among them; replaced by host copies.

    Raises:
        JointError: When the loss is NaN or infinite, here or from the backward.
    """
    stacked = torch.stack([value.detach().double() for value in log_vars.values()])
    values = stacked.to('cpu', non_blocking=True)  # into pinned memory, behind what computes them
    arrived = torch.cuda.Event() if stacked.is_cuda else None
    if arrived is not None:
        arrived.record()

    def check() -> None:
        if arrived is not None:
            arrived.synchronize()
        log_vars.update(zip(log_vars, values.unbind()))
        found = dict(zip(log_vars, values.tolist()))
        wrong = [name for name, value in found.items() if not math.isfinite(value)]
        if 'loss' in wrong:
            culprits = [name for name in wrong if name != 'loss' and 'loss' in name]
            raise JointError(
                f'The loss is {found["loss"]} ({", ".join(culprits) or "the sum overflows"}); the '
                'last checkpoint is intact: lower optim_wrapper.*.optimizer.lr, set clip_grad, or '
                'train without --amp.'
            )

    if total.is_cuda and total.requires_grad:
        total.register_hook(lambda _: Variable._execution_engine.queue_callback(check))
    else:
        check()
