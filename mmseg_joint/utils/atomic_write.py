from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mmseg_joint.errors import JointError

LEFTOVERS = '.*.[0-9]*.part'  # what :func:`atomic_path` leaves when its process is killed


@contextmanager
def atomic_path(
    path: str | Path, partial: Path | None = None, durable: bool = False
) -> Iterator[Path]:
    """Let a block write a file that exists as a whole or not at all.

    An older file stays readable until the new one is complete. Several nested blocks replace all of
    their files or none.

    Args:
        path: The file; its folder is created if it is missing. A device or a pipe is written to
            directly, and never replaced.
        partial: Where the block writes; by default a hidden file next to it, named after the
            process.
        durable: Flush the content to the disk before the file gets its name; otherwise a power cut
            could leave the name without the content.

    Yields:
        The path to write to.

    Raises:
        OSError: When the disk refuses the file; then, and after any other error in the block,
            nothing is left of it.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        yield path
        return
    partial = partial or path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        if durable:
            with partial.open('rb+') as file:
                os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def atomic_write(path: str | Path, content: bytes | str | Callable[[Path], object]) -> None:
    """Write a file, never leaving half of it under its name.

    Args:
        path: As for :func:`atomic_path`.
        content: Its bytes, its text, or a function that writes it to the path that it is given.

    Raises:
        JointError: When it cannot be written.
    """
    try:
        with atomic_path(path) as partial:
            if callable(content):
                content(partial)
            else:
                partial.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise JointError(
            f'{path} cannot be written ({error.strerror or error}): name a file that can be '
            'written, on a disk with room.'
        ) from error


def check_writable(path: str | Path, flag: str) -> None:
    """Refuse a file that could not be written, before the work whose result it will hold.

    Args:
        path: The file; its folder may be missing.
        flag: The flag that names it on the command line, for the error.

    Raises:
        JointError: When it is a folder, or no folder can be made for it.
    """
    path = Path(path).absolute()
    if path.is_dir():
        raise JointError(f'{flag} {path} is a folder: name a file.')
    parent = next(folder for folder in path.parents if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise JointError(f'{flag} {path}: nothing can be written to {parent}, name another folder.')
