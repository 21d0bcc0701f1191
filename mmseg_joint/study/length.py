"""Make a training shorter, with all that counts its iterations."""

from __future__ import annotations

import copy
from typing import Any

from mmengine.config import Config

LINES = 10  # of a training's log, at least
LEAST = 2  # iterations of a warm-up, of which LinearLR's last has the whole rate
COUNTED = ('begin', 'end', 'T_max', 'step_size')


def set_length(cfg: Config, iterations: int) -> None:
    """Let a training take another number of iterations; it is validated when it ends.

    Args:
        cfg: Its config, changed in place.
        iterations: How many.
    """
    before = int(cfg.train_cfg.max_iters)
    cfg.train_cfg.update(max_iters=iterations, val_interval=iterations)
    cfg.param_scheduler = scaled(cfg.get('param_scheduler'), iterations / before)
    logger = cfg.get('default_hooks', {}).get('logger')
    if logger:
        logger.interval = max(1, min(logger.get('interval', 10), iterations // LINES))


def scaled(schedulers: Any, factor: float) -> Any:
    """Stretch or shorten a schedule.

    Args:
        schedulers: `param_scheduler`: one, a list, or network -> either.
        factor: New iterations over old ones.

    Returns:
        The schedule, in the same form; one scheduler alone as a list.
    """
    if isinstance(schedulers, dict):
        if 'type' not in schedulers:
            return {name: scaled(own, factor) for name, own in schedulers.items()}
        schedulers = [schedulers]
    found = copy.deepcopy(list(schedulers or ()))
    for scheduler in found:
        for key in COUNTED:
            if isinstance(scheduler.get(key), int):
                scheduler[key] = _scaled(scheduler[key], factor)
        if scheduler.get('milestones'):
            scheduler['milestones'] = [_scaled(step, factor) for step in scheduler['milestones']]
    return found


def _scaled(step: int, factor: float) -> int:
    return max(LEAST, round(factor * step)) if step else 0
