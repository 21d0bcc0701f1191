"""Finds, on a CPU, the calls for which the host would wait for a GPU."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch.utils._python_dispatch import TorchDispatchMode

OWNERS = ('mmseg_joint', 'mmseg', 'mmengine', 'mmcv')
# operators that need a value, or a count of values, before the host can continue
WAITING = {
    '_local_scalar_dense',  # item, bool, int, float, tolist
    'is_nonzero',
    'equal',
    'nonzero',
    'nonzero_numpy',
    'masked_select',
    'unique_dim',
    '_unique2',
    'unique_consecutive',
    'bincount',
    'repeat_interleave.Tensor',
    'lift_fresh',  # torch.tensor(...): a copy to the device
}
METHODS = ('tolist', 'numpy', 'cpu')


class Waits(list):
    """`(owner, file:line function, what)` of each call."""

    def of(self, *owners: str) -> list[tuple[str, str, str]]:
        return [wait for wait in self if wait[0] in owners]


@contextmanager
def host_waits() -> Iterator[Waits]:
    """Record such calls within the context, each with the package that makes it."""
    found = Waits()
    with ExitStack() as stack:
        for name in METHODS:
            stack.enter_context(
                patch.object(torch.Tensor, name, _recorded(getattr(torch.Tensor, name), found))
            )
        stack.enter_context(_Recorder(found))
        yield found


class _Recorder(TorchDispatchMode):
    def __init__(self, found: Waits) -> None:
        super().__init__()
        self.found = found

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func).removeprefix('aten.')
        masked = name.startswith('index') and _has_mask(args)
        if masked or name in WAITING or name.rpartition('.')[0] in WAITING:
            self.found.append((*_caller(), f'{name}{" with a mask" if masked else ""}'))
        return func(*args, **(kwargs or {}))


def _has_mask(args: Any) -> bool:
    indices = args[1] if len(args) > 1 and isinstance(args[1], (list, tuple)) else ()
    return any(torch.is_tensor(x) and x.dtype in (torch.bool, torch.uint8) for x in indices)


def _recorded(method: Any, found: Waits) -> Any:
    def call(self: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        found.append((*_caller(), method.__name__))
        return method(self, *args, **kwargs)

    return call


def _caller() -> tuple[str, str]:
    """Return the innermost function of one of the packages."""
    frame = sys._getframe(2)
    while frame is not None:
        owner = frame.f_globals.get('__name__', '').partition('.')[0]
        if owner in OWNERS:
            code = frame.f_code
            return owner, f'{Path(code.co_filename).name}:{frame.f_lineno} {code.co_name}'
        frame = frame.f_back
    return 'other', ''
