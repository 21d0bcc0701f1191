from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce, is_distributed, is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmseg.registry import HOOKS
from torch import nn

from mmseg_joint.checkpoints.find import PARTIAL, broken_files, partial_files
from mmseg_joint.checkpoints.read import register_safe_globals
from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import atomic_path


class AtomicBackend(LocalBackend):
    """Local files that exist as a whole or not at all, whenever the process ends.

    A file is written next to its place, flushed to the disk, and then renamed in one step. So an
    older file with that name stays readable until the new one is complete.
    """

    def __init__(self) -> None:
        self._held: dict[Path, int] | None = None

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file.

        Raises:
            JointError: When the disk refuses it. An older file stays as it was.
        """
        target = Path(filepath)
        try:
            partial = target.with_name(target.name + PARTIAL)
            with atomic_path(target, partial, durable=True) as place, open(place, 'wb') as file:
                file.write(obj)
        except OSError as error:
            others = any(path != target for path in target.parent.glob(f'*{target.suffix}'))
            then = 'add --resume to go on from the checkpoint before it, which is whole'
            raise JointError(
                f'{target} could not be written ({error.strerror or error}): make room on the disk '
                f'and {then if others else "start again, since it is the first checkpoint"}.'
            ) from error
        _flush_folder(target.parent)

    def remove(self, filepath: str | Path) -> None:
        """Delete a file; inside :meth:`hold_back_removals`, only note it."""
        if self._held is None:
            super().remove(filepath)
        else:
            self._held[Path(filepath)] = Path(filepath).stat().st_mtime_ns

    @contextmanager
    def hold_back_removals(self) -> Iterator[None]:
        """Delete files only at the end of the block, and not at all if it fails.

        A file that was rewritten inside the block stays.
        """
        outer = self._held
        held: dict[Path, int] = {}
        self._held = held
        try:
            yield
        finally:
            self._held = outer
        for path, written in held.items():
            if path.is_file() and path.stat().st_mtime_ns == written:
                self.remove(path)


register_backend('atomic', AtomicBackend, force=True)


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """mmengine's `CheckpointHook`, with files that stay whole after a kill or on a full disk.

    A checkpoint takes its name once it is complete; then `last_checkpoint` names it, and the files
    that it replaces (`max_keep_ckpts`, `save_best`) are deleted. What a killed run left
    half-written is deleted when the next one starts, and logged.

    All processes of a distributed training validate, and go on with, the buffers that are saved:
    the mean over processes. Checkpoints that are not local files, or with custom `backend_args`,
    are written as mmengine writes them.

    Args:
        **kwargs: The arguments of mmengine's hook.
    """

    backend_args: dict[str, Any] | None  # mmengine's

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        is_local = '://' not in str(self.out_dir or '')
        if is_local and self.backend_args is None and self.file_client_args is None:
            self.backend_args = {'backend': 'atomic'}

    def before_run(self, runner: Any) -> None:
        """Let torch read back what is written here, even in a process without our `setup`."""
        register_safe_globals()

    def before_train(self, runner: Any) -> None:
        """Delete half-written files, and log where training goes on instead."""
        super().before_train(runner)
        if not is_main_process() or not isinstance(self.file_backend, AtomicBackend):
            return
        folder = Path(self.out_dir)
        partial = partial_files(folder, self.filename_tmpl)
        now = runner.epoch if self.by_epoch else runner.iter
        broken = partial + broken_files(folder, self.filename_tmpl, after=now)
        if broken:
            names = ', '.join(path.name for path in broken)
            begin = f'goes on from iteration {runner.iter}' if runner.iter else 'starts anew'
            runner.logger.warning(
                f'{names} in {folder}: incomplete, since writing was interrupted or the disk '
                f'failed. Training {begin}.'
            )
        for path in partial:
            path.unlink()

    def before_val_epoch(self, runner: Any) -> None:
        """Let all processes validate the same model."""
        average_buffers(runner.model)

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict[str, Any]) -> None:
        average_buffers(runner.model)
        if hasattr(runner.optim_wrapper, 'average_accumulated_gradients'):
            # only the first rank writes, but each has gradients of its own
            runner.optim_wrapper.average_accumulated_gradients()
        with getattr(self.file_backend, 'hold_back_removals', nullcontext)():
            super()._save_checkpoint_with_step(runner, step, meta)

    def _save_best_checkpoint(self, runner: Any, metrics: dict[str, Any]) -> None:
        with getattr(self.file_backend, 'hold_back_removals', nullcontext)():
            super()._save_best_checkpoint(runner, metrics)


@torch.no_grad()
def average_buffers(model: nn.Module) -> None:
    """Give all processes the mean of their buffers, such as a batch norm's running statistics.

    Each process has statistics of its own images, but only the first one's get into a checkpoint.
    Integer buffers stay as they are: counters are equal everywhere, and images kept by one process
    have no mean. All processes must call this. Doing it twice changes nothing: the sum of equal
    float32 values is exact in float64.
    """
    buffers = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
    if not buffers or not is_distributed():
        return
    mean = torch.cat([buffer.double().flatten() for buffer in buffers])
    all_reduce(mean, 'mean')
    for buffer, part in zip(buffers, mean.split([buffer.numel() for buffer in buffers])):
        buffer.copy_(part.view_as(buffer))


def _flush_folder(folder: Path) -> None:
    """Make the new name as durable as the content; some file systems do not support it."""
    if os.name == 'posix':
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
