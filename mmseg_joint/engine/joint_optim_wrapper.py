from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from mmengine.dist import all_reduce, is_distributed
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmseg.registry import OPTIM_WRAPPERS
from torch import Tensor, nn

from mmseg_joint.errors import JointError
from mmseg_joint.utils.numbers import check_choice

DTYPES = {None: None, 'float32': None, 'bfloat16': torch.bfloat16, 'float16': torch.float16}


@OPTIM_WRAPPERS.register_module()
class JointOptimWrapper(OptimWrapperDict):
    """Steps one optimizer for each network after one backward of the sum of their losses.

    To mmengine's Runner, model wrappers and hooks it looks like a single optimizer: accumulation,
    distributed training and mixed precision work unchanged. One gradient scaler serves all
    networks; an optimizer whose gradients overflow skips its step, while the others step.

    Args:
        dtype: `'float32'` (or None), `'bfloat16'` or `'float16'`: the type for the forward.
        accumulative_counts: Number of iterations whose gradients make one step.
        loss_scale: For float16: `'dynamic'`, a number to start from, or the arguments of
            :class:`torch.amp.GradScaler`.
        device_type: Device of the networks, `'cpu'` or `'cuda'`.
        **optim_wrappers: Network's name -> its optimizer wrapper; each clips its own gradients.

    Raises:
        JointError: When `dtype` is not one of those above.
    """

    def __init__(
        self,
        dtype: str | None = None,
        accumulative_counts: int = 1,
        loss_scale: str | float | dict[str, Any] = 'dynamic',
        device_type: str = 'cpu',
        **optim_wrappers: OptimWrapper,
    ) -> None:
        super().__init__(**optim_wrappers)
        check_choice('optim_wrapper.dtype', dtype, DTYPES)
        for name, optim_wrapper in optim_wrappers.items():
            # mmengine logs every network's norm under one name, the last one winning
            optim_wrapper.grad_name = f'{name}.{getattr(optim_wrapper, "grad_name", "grad_norm")}'
        self.dtype = DTYPES[dtype]
        self.device_type = device_type
        scale = {} if loss_scale == 'dynamic' else loss_scale
        self.loss_scaler = torch.amp.GradScaler(
            device_type,
            enabled=self.dtype is torch.float16,
            **(scale if isinstance(scale, dict) else {'init_scale': float(scale)}),
        )
        self.before_train: list[Callable[[], None]] = []  # called at the start of a new run
        self.after_step: list[Callable[[], None]] = []  # called after a step of all optimizers
        self._accumulative_counts = accumulative_counts
        self._inner_count = 0
        self._max_counts = -1
        self._remainder_counts = -1
        self._has_accumulated = False  # whether a checkpoint held gradients

    # OptimWrapperDict refuses what is ambiguous with several backwards. Here there is one.
    update_params = OptimWrapper.update_params

    def initialize_count_status(self, model: nn.Module, init_counts: int, max_counts: int) -> None:
        """Set the numbers of past and of all iterations, which decide when a window ends."""
        # mmengine warns of lost gradients, but load_state_dict has restored them
        warned = 0 if self._has_accumulated else init_counts
        OptimWrapper.initialize_count_status(self, model, warned, max_counts)
        self._inner_count = init_counts
        if self._has_accumulated and self.should_update():
            self.zero_grad()  # of windows of another length
        if init_counts == 0:  # a new run, and the Runner has loaded all weights
            for begin in self.before_train:
                begin()

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Cast the forward to `dtype`; skip all-reduce while gradients accumulate."""
        cast = torch.autocast(self.device_type, self.dtype) if self.dtype else nullcontext()
        with OptimWrapper.optim_context(self, model), cast:
            yield

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Backpropagate the sum of all networks' losses once."""
        self.loss_scaler.scale(loss).backward(**kwargs)
        self._inner_count += 1

    def step(self, **kwargs: Any) -> None:
        """Clip each network's gradients as its config says, then step every optimizer.

        The functions in `after_step` are called afterwards.
        """
        for optim_wrapper in self.values():
            groups = optim_wrapper.param_groups
            if any(p.grad is not None for group in groups for p in group['params']):
                # the scaler unscales its gradients, then calls its step(), which clips and steps;
                # without a gradient it would raise an error
                self.loss_scaler.step(optim_wrapper, **kwargs)
        self.loss_scaler.update()
        with torch.no_grad():
            for follow in self.after_step:
                follow()

    def average_accumulated_gradients(self) -> None:
        """Give every rank the mean of the gradients that all have accumulated so far.

        All ranks must call this before the first one saves a checkpoint. The step at the end of the
        window averages over ranks anyway, so its result does not change.
        """
        if self.should_update() or not is_distributed():
            return
        for parameter in self._parameters(self.keys()):
            if parameter.grad is not None:
                all_reduce(parameter.grad, 'mean')

    def _parameters(self, networks: Iterable[str]) -> Iterator[nn.Parameter]:
        for name in networks:
            for group in self[name].param_groups:
                yield from group['params']

    def state_dict(self) -> dict[str, Any]:
        """Gather the optimizers' states, the shared gradient scaler's, and pending gradients.

        Returns:
            Network's name -> state; `loss_scaler` -> state when there is one; and inside a window,
            `accumulated_gradients` -> a list, one for each parameter of all optimizers.
        """
        state = super().state_dict()
        if not self.should_update():
            state['accumulated_gradients'] = [p.grad for p in self._parameters(self.keys())]
        if self.loss_scaler.is_enabled():
            state['loss_scaler'] = self.loss_scaler.state_dict()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` gathered.

        Raises:
            JointError: When the checkpoint was written with other networks.
        """
        state_dict = dict(state_dict)
        scaler = state_dict.pop('loss_scaler', None)
        gradients = state_dict.pop('accumulated_gradients', None)
        if set(state_dict) != set(self.keys()):
            raise JointError(
                f'The checkpoint holds optimizers of {", ".join(state_dict) or "no network"}, the '
                f'config has {", ".join(self.keys())}: resume with the config that wrote it, or '
                'start anew from its weights with load_from.'
            )
        if scaler and self.loss_scaler.is_enabled():
            self.loss_scaler.load_state_dict(scaler)
        super().load_state_dict(state_dict)
        self._has_accumulated = gradients is not None
        # in the checkpoint's order: a run's copy of its config has its keys sorted
        for parameter, gradient in zip(self._parameters(state_dict), gradients or []):
            parameter.grad = None if gradient is None else gradient.to(parameter, copy=True)
