from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

_LEFTOVER = re.compile(r'\..+\.\d+\.part')


def write_durably(path: Path, data: bytes, check: Callable[[Path], None] | None = None) -> None:
    """Writes under another name, all the way to the disk, then renames: there is no half file.

    Args:
        path: The file.
        data: Its content.
        check: Called with the other name; what it raises keeps the file from its own.
    """
    partial = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        with partial.open('wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # or a power cut leaves the name without the content
        if check:
            check(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def is_leftover(name: str) -> bool:
    """Says whether a file's name is one of those that a killed process leaves."""
    return _LEFTOVER.fullmatch(name) is not None
