from __future__ import annotations

import contextlib
import os
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

SWITCH = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'


def register_safe_globals() -> None:
    """Let torch read a training checkpoint without running code, as mmengine's resume needs.

    Since 2.6, torch refuses what such a checkpoint holds besides its tensors, unless it is named.
    """
    with contextlib.suppress(TypeError, AttributeError):  # torch before 2.6 needs none
        torch.serialization.add_safe_globals(_training_state())


@contextlib.contextmanager
def weights_only() -> Iterator[None]:
    """Keep torch from running a file's code inside the block, whatever its caller asks for."""
    before = os.environ.get(SWITCH)
    os.environ[SWITCH] = '1'
    try:
        yield
    finally:
        if before is None:
            del os.environ[SWITCH]
        else:
            os.environ[SWITCH] = before


def _training_state() -> list:
    """Return what a training checkpoint may contain.

    The message hub's buffers pickle four of their methods by `getattr`. An unrestricted `getattr`
    would let a file reach any code, so this one serves only those four.
    """
    core = getattr(np, '_core', None) or np.core
    allowed: list = [HistoryBuffer, np.ndarray, np.dtype]
    allowed += [core.multiarray._reconstruct, core.multiarray.scalar]
    allowed += [type(np.dtype(kind)) for kind in (bool, 'i4', 'i8', 'u4', 'f4', 'f8')]
    return [*allowed, (_getattr_of_history_buffer, 'builtins.getattr')]


def _getattr_of_history_buffer(owner: Any, attribute: str) -> Any:
    if owner is not HistoryBuffer or attribute not in ('current', 'max', 'mean', 'min'):
        raise pickle.UnpicklingError(f'the file asks for the attribute {attribute!r} of {owner!r}')
    return getattr(owner, attribute)
