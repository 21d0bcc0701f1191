"""Command lines that must end with one sentence, and what makes their input bad."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

Spoil = Callable[[Path], object]


class Case(NamedTuple):
    """A command line that must end with one sentence.

    Args:
        said: A pattern of the sentence: the file or key, and the remedy.
        spoil: What makes the input bad; lines of Python are added to the config.
        arguments: Of the tool.
        tool: Its name in tools/, or a module.
        conditions: As :class:`tests.tools.fork_server.Order` has them.
        left: Whole files that may be there afterwards, beside logs.
    """

    said: str
    spoil: Spoil | str | None = None
    arguments: str = 'hrs.py'
    tool: str = 'train'
    conditions: dict[str, Any] | None = None
    left: tuple[str, ...] = ()


def ids(**cases: Case) -> list[Any]:
    """Make parameters named after the cases."""
    return [pytest.param(case, id=name) for name, case in cases.items()]


def write(name: str, content: str | bytes = b'') -> Spoil:
    """Create a file."""
    data = content.encode() if isinstance(content, str) else content
    return lambda place: (place / name).write_bytes(data)


def cut(name: str) -> Spoil:
    """Cut off the end of a file."""
    return lambda place: (place / name).write_bytes((place / name).read_bytes()[:-200])


def first_bytes(name: str, beginning: str) -> Spoil:
    """Write the beginning of a file to another."""
    return lambda place: (place / beginning).write_bytes((place / name).read_bytes()[:5000])


def relabel(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Spoil:
    """Change the ids of a label file."""

    def spoil(place: Path) -> None:
        ids = np.array(Image.open(place / name))
        Image.fromarray(change(ids)).save(place / name)

    return spoil


def with_99(ids: np.ndarray) -> np.ndarray:
    ids[0, 0] = 99
    return ids


def folder_instead(name: str) -> Spoil:
    """Replace a file by a folder."""

    def spoil(place: Path) -> None:
        (place / name).unlink()
        (place / name).mkdir()

    return spoil


def remove(name: str) -> Spoil:
    """Remove a file or a folder."""

    def spoil(place: Path) -> None:
        path = place / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return spoil


def mode(name: str, bits: int) -> Spoil:
    """Change the permissions of a file, or of a folder, which is created if missing."""

    def spoil(place: Path) -> None:
        if not (place / name).exists():
            (place / name).mkdir()
        (place / name).chmod(bits)

    return spoil


def several(*spoils: Spoil | str) -> Spoil:
    """Apply several, one after the other."""

    def spoil(place: Path) -> None:
        for part in spoils:
            apply(part, place)

    return spoil


def apply(spoil: Spoil | str | None, place: Path) -> None:
    if isinstance(spoil, str):
        with (place / 'hrs.py').open('a') as config:
            config.write(f'\n{spoil}\n')
    elif spoil is not None:
        spoil(place)


class Malice:
    """Leaves a file behind when it is unpickled by a careless reader."""

    def __reduce__(self) -> tuple:
        return Path.touch, (Path('executed'),)


def save(content: Any, **options: Any) -> Spoil:
    """Write bad.pth with PyTorch."""
    return lambda place: torch.save(content, place / 'bad.pth', **options)
