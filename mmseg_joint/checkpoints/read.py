"""Reading checkpoints and weights files without running any code in them."""

from __future__ import annotations

import os
import pickle
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from mmengine.dist import barrier, is_main_process
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from torch import Tensor

from mmseg_joint.errors import JointError, reason_of

REMEDY = 'give another file'
UNSAFE = 'it holds more than tensors, and no code of a file is run'
SWITCH = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
MARK = '_weights_only'  # mmengine logs a loader's name, so the log says which one read a file
_kept: dict[tuple[str, int, int], Any] = {}  # at most one: (path, time, size) -> content


class BrokenFileError(JointError):
    """A file that is incomplete or damaged, or that the system cannot deliver."""


def read_checkpoint(
    checkpoint: str, name: str | None = None, remedy: str = REMEDY
) -> dict[str, Tensor]:
    """Read the named tensors of a file, whatever they are wrapped in; no code in it is run.

    Args:
        checkpoint: Path, `https://` address or any scheme that mmengine knows.
        name: What the errors call the file.
        remedy: What to do about an error.

    Raises:
        JointError: When the file is absent, cannot be downloaded or read, or holds no tensors.
    """
    name = name or f'The checkpoint {checkpoint}'
    return tensors_of(read_content(checkpoint, 'cpu', name, remedy), name, remedy)


def read_content(
    checkpoint: str,
    map_location: Any = 'cpu',
    name: str | None = None,
    remedy: str = REMEDY,
    keep: bool = False,
) -> Any:
    """Read everything in a file, tensors and plain values; no code in it is run.

    Args:
        checkpoint: As for :func:`read_checkpoint`.
        map_location: Device to which it is read.
        name: What the errors call the file.
        remedy: What to do about an error.
        keep: Cache the content of a local file for the next call, which then reads nothing: three
            callers, unaware of each other, choose, check and load a checkpoint.

    Raises:
        JointError: When the file is absent, or would run code.
        BrokenFileError: When it is incomplete or damaged, or cannot be downloaded or read.
    """
    name = name or f'The checkpoint {checkpoint}'
    path = os.path.expanduser(checkpoint)
    remote = is_remote(checkpoint)
    if not remote and not os.path.isfile(path):
        raise JointError(f'{name} does not exist: {remedy}.')
    try:
        if checkpoint.startswith(('http://', 'https://')):
            return _download(checkpoint, map_location)
        if remote:
            with weights_only():
                return CheckpointLoader.load_checkpoint(checkpoint, map_location)
        return _read_local(path, map_location, keep)
    except Exception as error:  # whatever a network, a file system or pickle can raise
        cause = error.__cause__ if isinstance(error, JointError) else None  # of mmengine's loader
        reason = _why_unreadable(cause or error, None if remote else path)
        kind = JointError if reason == UNSAFE else BrokenFileError
        raise kind(f'{name} cannot be loaded ({reason}): {remedy}.') from error


def tensors_of(content: Any, name: str, remedy: str = REMEDY) -> dict[str, Tensor]:
    """Take the named tensors out of what :func:`read_content` returned.

    Raises:
        JointError: When it holds no named values.
    """
    if isinstance(content, Mapping) and isinstance(content.get('state_dict'), Mapping):
        content = content['state_dict']
    if not isinstance(content, Mapping):
        raise JointError(f'{name} holds no named parameters: {remedy}.')
    return {key: value for key, value in content.items() if isinstance(value, Tensor)}


def is_remote(path: str) -> bool:
    """Return whether a path is an address, like `https://…` or `open-mmlab://…`."""
    return re.match(r'[\w-]+://', path) is not None


def is_whole(file: str | Path | IO[bytes]) -> bool:
    """Return whether torch's zip file is complete and its checksums match; torch checks none."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError):
        return False


def enforce_weights_only() -> None:
    """Keep mmengine's own reading of checkpoints from running any code in a file.

    mmengine reads whatever `load_from`, `resume` and `init_cfg` name with one loader per scheme. If
    torch refuses a file, these loaders read it again without torch's protection. So local files are
    read here instead, and files from other addresses under torch's own switch.
    """
    for scheme, loader in list(CheckpointLoader._schemes.items()):
        if not loader.__name__.endswith(MARK):
            safe = load_from_local_weights_only if scheme == '' else _protected(loader)
            CheckpointLoader.register_scheme(scheme, safe, force=True)


def load_from_local_weights_only(path: str, map_location: Any = None) -> Any:
    """Replace mmengine's loader of local files."""
    return read_content(path, map_location)


def register_safe_globals() -> None:
    """Let torch read a training checkpoint without running code, as mmengine's resume needs.

    Since 2.6, torch refuses what such a checkpoint holds besides its tensors, unless it is named.
    """
    with suppress(TypeError, AttributeError):  # torch before 2.6 needs none
        torch.serialization.add_safe_globals(_training_state())


@contextmanager
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


def _read_local(path: str, map_location: Any, keep: bool) -> Any:
    state = os.stat(path)
    key = (os.path.abspath(path), state.st_mtime_ns, state.st_size)
    content = _kept.pop(key, None)
    _kept.clear()
    if content is None:
        register_safe_globals()  # again: leaving torch's `safe_globals` context undoes it
        with open(path, 'rb') as file:
            if file.read(2) == b'PK' and not is_whole(file):
                raise zipfile.BadZipFile('its checksums are wrong')
            file.seek(0)
            content = torch.load(file, map_location=map_location, weights_only=True)
    if keep:
        _kept[key] = content
    return content


def _why_unreadable(error: BaseException, path: str | None) -> str:
    reason = reason_of(error)
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


def _protected(loader: Callable[..., Any]) -> Callable[..., Any]:
    def load(path: str, *args: Any, **kwargs: Any) -> Any:
        try:
            with weights_only():
                return loader(path, *args, **kwargs)
        except pickle.UnpicklingError as error:
            message = f'The checkpoint {path} cannot be loaded ({UNSAFE}): {REMEDY}.'
            raise JointError(message) from error

    load.__name__ = loader.__name__ + MARK
    return load


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
