from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from mmseg_joint.errors import JointError


def check_writable(path: str | Path, flag: str) -> None:
    """Refuse a file that could not be written, before the work that it is to hold.

    Args:
        path: The file; its folder may be missing.
        flag: What names it on the command line, for the sentence.

    Raises:
        JointError: It is a folder, or no folder can be made for it.
    """
    path = Path(path).absolute()
    if path.is_dir():
        raise JointError(f'{flag} {path} is a folder: name a file.')
    parent = next(folder for folder in path.parents if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise JointError(f'{flag} {path}: nothing can be written to {parent}, name another folder.')


def write_whole(path: str | Path, content: bytes | str) -> None:
    """Write a file so that there is never half of it, and what was there stays until it is done.

    Args:
        path: The file; its folder is made if it is not there.
        content: Its bytes, or its text.

    Raises:
        JointError: It cannot be written.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    # a device or a pipe is written to, and never replaced
    special = path.exists() and not path.is_file()
    partial = path if special else path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        if not special:
            os.replace(partial, path)
    except OSError as error:
        if not special:
            with suppress(OSError):
                partial.unlink()
        raise JointError(
            f'{path} cannot be written ({error.strerror or error}): name a file that can be '
            'written, on a disk with room.'
        ) from error
