"""Reading checkpoints and weights files without running any code that they hold."""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from mmengine.dist import barrier, is_main_process
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from torch import Tensor

from mmseg_joint.errors import JointError

REMEDY = 'give another file'
UNSAFE = 'it holds more than tensors, and no code of a file is run'


def read_checkpoint(
    checkpoint: str,
    map_location: Any = 'cpu',
    name: str | None = None,
    remedy: str = REMEDY,
) -> dict[str, Tensor]:
    """Read the named tensors of a file, whatever they are wrapped in; no code of it is run.

    Args:
        checkpoint: Path, `https://` address or any scheme that mmengine knows.
        map_location: Device to which it is read.
        name: What the file is to the user, for the errors.
        remedy: What to do about an error.

    Returns:
        Name -> tensor.

    Raises:
        JointError: The file is absent, cannot be downloaded or read, or holds no tensors.
    """
    name = name or f'The checkpoint {checkpoint}'
    return tensors_of(read_content(checkpoint, map_location, name, remedy), name, remedy)


def read_content(
    checkpoint: str,
    map_location: Any = 'cpu',
    name: str | None = None,
    remedy: str = REMEDY,
) -> Any:
    """Read all that a file holds; no code of it is run.

    Args:
        checkpoint: As for :func:`read_checkpoint`.
        map_location: Likewise.
        name: Likewise.
        remedy: Likewise.

    Returns:
        What was saved, of tensors and plain values.

    Raises:
        JointError: The file is absent, or cannot be downloaded or read.
    """
    name = name or f'The checkpoint {checkpoint}'
    path = os.path.expanduser(checkpoint)
    remote = re.match(r'[\w-]+://', checkpoint)
    if not remote and not os.path.isfile(path):
        raise JointError(f'{name} does not exist: {remedy}.')
    try:
        if checkpoint.startswith(('http://', 'https://')):
            return _download(checkpoint, map_location)
        if remote:
            return CheckpointLoader.load_checkpoint(checkpoint, map_location)
        trust_training_state()  # again: whoever leaves torch's `safe_globals` takes it away
        return torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:  # whatever a network, a file system or pickle can raise
        cause = error.__cause__ if isinstance(error, JointError) else None  # of a loader below
        reason = _why_unreadable(cause or error, None if remote else path)
        raise JointError(f'{name} cannot be loaded ({reason}): {remedy}.') from error


def tensors_of(content: Any, name: str, remedy: str = REMEDY) -> dict[str, Tensor]:
    """Take the named tensors out of what a file holds.

    Args:
        content: What :func:`read_content` returned.
        name: What the file is to the user, for the errors.
        remedy: What to do about an error.

    Returns:
        Name -> tensor.

    Raises:
        JointError: It holds no named values.
    """
    if isinstance(content, Mapping) and isinstance(content.get('state_dict'), Mapping):
        content = content['state_dict']
    if not isinstance(content, Mapping):
        raise JointError(f'{name} holds no named parameters: {remedy}.')
    return {key: value for key, value in content.items() if isinstance(value, Tensor)}


def run_no_code_of_files() -> None:
    """Make mmengine's own reading of checkpoints run no code that a file holds.

    mmengine reads whatever `load_from`, `resume` and `init_cfg` name by one loader for each scheme.
    These read a file that torch refuses a second time, without its protection. So local files are
    read here instead, and what comes from an address under torch's own switch.
    """
    for scheme, loader in list(CheckpointLoader._schemes.items()):
        safe = load_from_local if scheme == '' else _protected(loader)
        CheckpointLoader.register_scheme(scheme, safe, force=True)


def load_from_local(path: str, map_location: Any = None) -> Any:
    """Take the place of mmengine's loader of that name, which it shows in the log.

    Args:
        path: The file.
        map_location: Device to which it is read.

    Returns:
        What was saved.

    Raises:
        JointError: The file is absent or cannot be read.
    """
    return read_content(path, map_location)


def _protected(loader: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(loader)
    def load(path: str, *args: Any, **kwargs: Any) -> Any:
        try:
            with _only_weights():
                return loader(path, *args, **kwargs)
        except pickle.UnpicklingError as error:
            message = f'The checkpoint {path} cannot be loaded ({UNSAFE}): {REMEDY}.'
            raise JointError(message) from error

    return load


@contextlib.contextmanager
def _only_weights() -> Iterator[None]:
    """Let torch read in its safe way only, whatever its caller asks for."""
    switch = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
    before = os.environ.get(switch)
    os.environ[switch] = '1'
    try:
        yield
    finally:
        if before is None:
            del os.environ[switch]
        else:
            os.environ[switch] = before


def _why_unreadable(error: BaseException, path: str | None) -> str:
    reason = str(error).strip().split('\n')[0].rstrip('. ') or type(error).__name__
    if isinstance(error, pickle.UnpicklingError):
        return UNSAFE
    if path is None:
        return reason
    if isinstance(error, PermissionError):
        return 'it may not be read'
    with open(path, 'rb') as file:
        begins_as_zip = file.read(2) == b'PK'
    if begins_as_zip and not zipfile.is_zipfile(path):
        return 'it is cut off'
    return reason if begins_as_zip else 'it is no file that PyTorch saved'


def _download(url: str, map_location: str) -> Mapping[str, Any]:
    """Fetch a file on the main process first, so that the others find it in the cache."""
    main = is_main_process()
    if not main:
        barrier()
    try:
        return torch.hub.load_state_dict_from_url(
            url, map_location=map_location, progress=main, weights_only=True
        )
    finally:
        if main:
            barrier()


def trust_training_state() -> None:
    """Let torch read a training checkpoint by itself, as mmengine's own resume does.

    Torch since 2.6 refuses what such a checkpoint holds beside its tensors, unless it is named.
    """
    if hasattr(torch.serialization, 'add_safe_globals'):
        with contextlib.suppress(TypeError, AttributeError):  # torch before 2.6 needs none
            torch.serialization.add_safe_globals(_training_state())


def _training_state() -> list:
    """What may stand in a training checkpoint.

    The message hub's buffers pickle four methods of theirs by `getattr`. A free `getattr` would
    let a file reach any code, so this one answers for those four only.
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
