from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import NamedTuple


class SavedCheckpoint(NamedTuple):
    """A checkpoint on disk.

    Attributes:
        path: Its file.
        step: How many iterations (or epochs) it has behind it.
    """

    path: Path
    step: int


def newest_checkpoint(folder: Path, template: str = 'iter_{}.pth') -> SavedCheckpoint | None:
    """Find the checkpoint that a run in a folder wrote last, whenever the run was killed.

    mmengine writes the checkpoint, then its name to `last_checkpoint`. A run that was killed
    between the two has a newer file than the one named; a run that was killed while it wrote has a
    file cut off. So the file named counts, unless a whole one with a higher number was written
    after it.

    Args:
        folder: Where the checkpoints lie.
        template: `CheckpointHook`'s name of them, with `{}` in place of the number.

    Returns:
        The newest whole checkpoint; None if there is none.
    """
    found = _whole_files(folder, template)
    if not found:
        return None
    named = _named(folder)
    steps = {path.name: step for step, path in found.items()}
    if named not in steps:
        step = max(found, key=lambda step: (_written(found[step]), step))
    else:
        step = steps[named]
        since = _written(found[step])
        # a run that was resumed from an early checkpoint has later ones of before beside it
        step = max(s for s in found if s == step or (s > step and _written(found[s]) >= since))
    return SavedCheckpoint(found[step], step)


def _whole_files(folder: Path, template: str) -> dict[int, Path]:
    before, _, after = template.partition('{}')
    pattern = re.compile(rf'{re.escape(before)}(\d+){re.escape(after)}')
    files = {}
    for path in folder.glob('*'):
        match = pattern.fullmatch(path.name)
        # torch writes a zip file, whose table of contents comes last
        if match and zipfile.is_zipfile(path):
            files[int(match[1])] = path
    return files


def _named(folder: Path) -> str | None:
    """The name in `last_checkpoint`; its folder may have been moved since."""
    try:
        return Path((folder / 'last_checkpoint').read_text(encoding='utf-8').strip()).name
    except OSError:
        return None


def _written(path: Path) -> int:
    return path.stat().st_mtime_ns
