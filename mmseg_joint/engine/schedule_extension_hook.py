from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.hooks import Hook
from mmseg.registry import HOOKS

LENGTHS = ('end', 'total_iters', 'T_max')  # where mmengine's schedules keep their length


@HOOKS.register_module()
class ScheduleExtensionHook(Hook):
    """Makes the learning rate of a resumed run end where the config now ends it.

    mmengine restores a schedule's end, so a longer `train_cfg.max_iters` would train on with the
    rate at which the shorter schedule ended. A rate that is already 0 stays there, and the log
    warns of it.
    """

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Set the ends of the schedules in a checkpoint to those of the config."""
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


def _pairs(schedules: Any, states: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield each schedule with its state, from lists or lists by network; others fail later."""
    if isinstance(schedules, dict) and isinstance(states, dict):
        for name, own in schedules.items():
            yield from zip(own, states.get(name, ()))
    elif isinstance(schedules, list) and isinstance(states, list):
        yield from zip(schedules, states)
