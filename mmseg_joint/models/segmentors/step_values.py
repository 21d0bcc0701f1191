from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.autograd import Variable

from mmseg_joint.errors import JointError


def check_finite(total: Tensor, log_vars: dict[str, Tensor]) -> None:
    """Stop a step with a loss that is not finite before anything is updated with it.

    On a GPU this needs no synchronization that would leave it idle: the values are read once the
    whole backward has been launched, when the forward that computed them is long over and the
    optimizers have not been called. This also brings the values for the log, which would otherwise
    be fetched one by one. If no backward will follow, and on a CPU, they are read at once.

    Args:
        total: The loss that the backward starts from.
        log_vars: Name -> value for the log, `loss` among them; replaced by host copies.

    Raises:
        JointError: When the loss is NaN or infinite, here or in the backward.
    """
    # stacked before the cast: a launch instead of one for each; mixed precisions become the widest
    stacked = torch.stack([value.detach() for value in log_vars.values()]).double()
    values = stacked.to('cpu', non_blocking=True)  # to pinned memory, queued after their kernels
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
