"""One run per work dir: its checkpoints do not mix with another run's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from mmengine.config import Config
from mmengine.dist import is_main_process

from mmseg_joint.checkpoints.find import checkpoint_to_resume
from mmseg_joint.errors import JointError

LOCK = '.lock'
# where the launchers put a process's rank, before there is a group to ask
RANKS = ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK')


def refuse_other_run(cfg: Config) -> None:
    """Refuse to start anew in a work dir that has a checkpoint to go on from."""
    newest = checkpoint_to_resume(cfg)
    if newest:
        raise JointError(
            f'{cfg.work_dir} has checkpoints of another run, the newest {os.path.basename(newest)}:'
            ' add --resume to go on from it, give another --work-dir, or remove the folder.'
        )


@contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Lock a work dir while a run writes to it; refuse if another process does.

    The lock is released when the process ends, however it ends.
    """
    if not _is_first():
        yield
        return
    path = Path(folder, LOCK)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise JointError(
            f'Another run writes to {folder} right now: give another --work-dir, or wait.'
        ) from None
    except (OSError, NotImplementedError):  # a file system without locks
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # while it is held, so that a run that starts now does not lose its own
        lock.release()


def _is_first() -> bool:
    ranks = (os.environ.get(name) for name in RANKS)
    return is_main_process() and next(filter(None, ranks), '0') == '0'
