"""Reading checkpoints and weights files without running any code in them."""

from __future__ import annotations

import os
import pickle
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import torch
from mmengine.dist import barrier, is_main_process
from mmengine.runner import CheckpointLoader
from torch import Tensor

from mmseg_joint.checkpoints.safe_globals import register_safe_globals, weights_only
from mmseg_joint.errors import JointError, reason_of

REMEDY = 'give another file'
UNSAFE = 'it holds more than tensors, and no code of a file is run'
_kept: dict[tuple[str, int, int], Any] = {}  # at most one: (path, time, size) -> content


class BrokenFileError(JointError):
    """A file that is incomplete or damaged, or that the system cannot deliver."""


def read_checkpoint(
    checkpoint: str,
    map_location: Any = 'cpu',
    name: str | None = None,
    remedy: str = REMEDY,
) -> dict[str, Tensor]:
    """Read the named tensors of a file, whatever they are wrapped in; no code in it is run.

    Args:
        checkpoint: Path, `https://` address or any scheme that mmengine knows.
        map_location: Device to which it is read.
        name: What the errors call the file.
        remedy: What to do about an error.

    Raises:
        JointError: When the file is absent, cannot be downloaded or read, or holds no tensors.
    """
    name = name or f'The checkpoint {checkpoint}'
    return tensors_of(read_content(checkpoint, map_location, name, remedy), name, remedy)


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
    remote = re.match(r'[\w-]+://', checkpoint)
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


def is_whole(file: str | Path | IO[bytes]) -> bool:
    """Return whether torch's zip file is complete and its checksums match; torch checks none."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError):
        return False


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
