from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmseg.registry import HOOKS

from mmseg_joint.engine.atomic_backend import AtomicBackend
from mmseg_joint.engine.average_buffers import average_buffers
from mmseg_joint.engine.joint_optim_wrapper import JointOptimWrapper
from mmseg_joint.engine.newest_checkpoint import broken_files, partial_files

LENGTHS = ('end', 'total_iters', 'T_max')  # what mmengine's schedules keep of their length


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """mmengine's `CheckpointHook`, whose files a kill or a full disk leaves whole.

    A checkpoint takes its name once it is complete; `last_checkpoint` names it after that, and the
    files that it replaces (`max_keep_ckpts`, `save_best`) are deleted after that too. What a run
    that was killed left half-written is deleted when the next one starts, which says so.

    All processes of a distributed training validate, and go on with, the buffers that are saved:
    the mean of theirs.

    Checkpoints that are not local files, or with `backend_args` of one's own, are written as
    mmengine writes them.

    Args:
        **kwargs: The arguments of mmengine's hook.
    """

    backend_args: dict[str, Any] | None  # mmengine's

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        is_local = '://' not in str(self.out_dir or '')
        if is_local and self.backend_args is None and self.file_client_args is None:
            self.backend_args = {'backend': 'atomic'}

    def before_train(self, runner: Any) -> None:
        """Delete what was half-written, and say where training goes on instead.

        Args:
            runner: The runner, which has read its checkpoint.
        """
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
                f'{names} in {folder}: not whole, as the writing was cut short or the disk failed. '
                f'Training {begin}.'
            )
        for path in partial:
            path.unlink()

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Let a resumed schedule end where the config ends it now.

        mmengine restores a schedule's end too: with a longer `train_cfg.max_iters` the rest would
        be trained with the learning rate at which the shorter schedule ended, often 0. One that
        has come down to 0 already stays there, of which the log warns.

        Args:
            runner: The runner.
            checkpoint: What it has read, and goes on from if it resumes.
        """
        if not runner._resume or not runner.param_schedulers:
            return
        at_zero: set[int] = set()
        for schedule, state in _pairs(runner.param_schedulers, checkpoint.get('param_schedulers')):
            if schedule.end > state['end'] and not any(state['_last_value']):
                at_zero.add(state['end'])
            state.update({key: vars(schedule)[key] for key in LENGTHS if key in vars(schedule)})
        if at_zero:
            runner.logger.warning(
                f'The schedule of this checkpoint ended at iteration {max(at_zero)}, at a learning '
                'rate of 0, and stays there: start anew from its weights with load_from.'
            )

    def before_val_epoch(self, runner: Any) -> None:
        """Let all processes validate the same model.

        Args:
            runner: The runner.
        """
        average_buffers(runner.model)

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict[str, Any]) -> None:
        average_buffers(runner.model)
        if isinstance(runner.optim_wrapper, JointOptimWrapper):
            # only the first rank writes, but each has gradients of its own
            runner.optim_wrapper.average_accumulated_gradients()
        with self._outdated_kept_until_done():
            super()._save_checkpoint_with_step(runner, step, meta)

    def _save_best_checkpoint(self, runner: Any, metrics: dict[str, Any]) -> None:
        with self._outdated_kept_until_done():
            super()._save_best_checkpoint(runner, metrics)

    @contextmanager
    def _outdated_kept_until_done(self) -> Iterator[None]:
        if isinstance(self.file_backend, AtomicBackend):
            with self.file_backend.hold_back_removals():
                yield
        else:
            yield


def _pairs(schedules: Any, states: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Each schedule with its state: of lists, or of lists by network; others are refused later."""
    if isinstance(schedules, dict) and isinstance(states, dict):
        for name, own in schedules.items():
            yield from zip(own, states.get(name, ()))
    elif isinstance(schedules, list) and isinstance(states, list):
        yield from zip(schedules, states)
