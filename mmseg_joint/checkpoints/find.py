from __future__ import annotations

import os
import re
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from mmseg_joint.checkpoints.read import BrokenFileError, is_whole, read_content

PARTIAL = '.part'  # added to the name of a checkpoint that is being written


class SavedCheckpoint(NamedTuple):
    """A checkpoint on disk."""

    path: Path
    step: int  #: iterations (or epochs) trained so far


def newest_checkpoint(folder: Path, template: str = 'iter_{}.pth') -> SavedCheckpoint | None:
    """Find the newest whole checkpoint, if any, that a run left in a folder, even if it was killed.

    `template` is `CheckpointHook`'s name for them, with `{}` in place of the number.

    Raises:
        JointError: When it holds more than a training writes.
    """
    found = _files(folder, template)
    while found:
        newest = _newest_of(found, folder)
        if zipfile.is_zipfile(newest.path):  # by its last bytes
            with suppress(BrokenFileError):
                read_content(str(newest.path), keep=True)
                return newest
        del found[newest.step]
    return None


def checkpoint_to_resume(cfg: Config) -> str | None:
    """Find the latest checkpoint of a config's last run.

    Returns:
        The newest whole checkpoint; None if there is none. If checkpoints are not local files, the
        one that `last_checkpoint` names.
    """
    folder, named = Path(cfg.work_dir), _last_checkpoint(Path(cfg.work_dir))
    if '://' in named:
        return named
    out_dir = checkpoint_hook(cfg).get('out_dir')
    home = os.path.abspath(folder)
    if out_dir and str(out_dir) != home:
        folder = Path(out_dir, os.path.basename(home))  # as the hook does
    newest = newest_checkpoint(folder, checkpoint_template(cfg))
    return str(newest.path) if newest else None


def checkpoint_hook(cfg: Config) -> dict[str, Any]:
    """Return the arguments of a config's `CheckpointHook`; empty if it has none."""
    return (cfg.get('default_hooks') or {}).get('checkpoint') or {}


def checkpoint_unit(cfg: Config) -> str:
    """Return what a config's checkpoints are numbered by, `'iter'` or `'epoch'`."""
    return 'epoch' if checkpoint_hook(cfg).get('by_epoch', True) else 'iter'


def checkpoint_template(cfg: Config) -> str:
    """Return the name of a config's checkpoints, with `{}` in place of the number."""
    return checkpoint_hook(cfg).get('filename_tmpl') or f'{checkpoint_unit(cfg)}_{{}}.pth'


def broken_files(folder: Path, template: str, after: int) -> list[Path]:
    """Find the checkpoints of steps later than `after` that cannot be read."""
    files = sorted(_files(folder, template).items())
    return [path for step, path in files if step > after and not is_whole(path)]


def partial_files(folder: Path, template: str) -> list[Path]:
    """Find what a killed run was still writing: its last checkpoint or its best one."""
    return sorted(folder.glob(f'*{Path(template).suffix}{PARTIAL}'))


def _newest_of(found: dict[int, Path], folder: Path) -> SavedCheckpoint:
    named = Path(_last_checkpoint(folder)).name  # the folder may have been moved since
    written = {step: path.stat().st_mtime_ns for step, path in found.items()}
    step = next((step for step, path in found.items() if path.name == named), None)
    if step is None:
        step = max(found, key=lambda step: (written[step], step))
    # after resuming from an early checkpoint, later ones of the former run are still there
    step = max(s for s in found if written[s] >= written[step])
    return SavedCheckpoint(found[step], step)


def _files(folder: Path, template: str) -> dict[int, Path]:
    before, _, after = template.partition('{}')
    pattern = re.compile(rf'{re.escape(before)}(\d+){re.escape(after)}')
    matches = {path: pattern.fullmatch(path.name) for path in folder.glob('*')}
    return {int(match[1]): path for path, match in matches.items() if match}


def _last_checkpoint(folder: Path) -> str:
    """Return what `last_checkpoint` names, if anything."""
    try:
        return (folder / 'last_checkpoint').read_text(encoding='utf-8').strip()
    except OSError:
        return ''
