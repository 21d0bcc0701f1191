from __future__ import annotations

from typing import Any

from mmengine.config import Config

from mmseg_joint.checks.sections import value_of
from mmseg_joint.errors import JointError

NEEDED = {
    'train': ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper'),
    'test': ('model', 'test_dataloader', 'test_cfg', 'test_evaluator'),
}
LARGEST_SEED = 2**32 - 1
# whole numbers, and the least and the greatest that they can be
NUMBERS: dict[str, tuple[int, int | None]] = {
    'train_cfg.max_iters': (1, None),
    'train_cfg.max_epochs': (1, None),
    'train_cfg.val_interval': (1, None),
    'optim_wrapper.accumulative_counts': (1, None),
    'default_hooks.logger.interval': (1, None),
    'default_hooks.visualization.interval': (1, None),
    'default_hooks.checkpoint.interval': (-1, None),
    'default_hooks.checkpoint.max_keep_ckpts': (-1, None),
    'randomness.seed': (0, LARGEST_SEED),
    **{f'{name}_dataloader.batch_size': (1, None) for name in ('train', 'val', 'test')},
    **{f'{name}_dataloader.num_workers': (0, None) for name in ('train', 'val', 'test')},
}


def check_needed(cfg: Config, task: str) -> None:
    """Refuse a config that lacks a part which a task needs.

    Args:
        cfg: The whole config.
        task: `'train'` or `'test'`.

    Raises:
        JointError: It lacks one.
    """
    missing = [key for key in NEEDED[task] if not cfg.get(key)]
    if missing:
        raise JointError(
            f'The config {cfg.filename or ""} has no {", ".join(missing)}: add it, or name another '
            f'config to {task}.'
        )


def check_numbers(cfg: Config) -> None:
    """Refuse lengths and counts with which nothing could start.

    Args:
        cfg: The whole config.

    Raises:
        JointError: One is no whole number, or out of range.
    """
    for key, (least, most) in NUMBERS.items():
        value = value_of(cfg, key)
        if value is not None and not _is_whole(value, least, most):
            upto = '' if most is None else f' to {most}'
            raise JointError(f'{key} is {value!r}: give a whole number from {least}{upto}.')


def _is_whole(value: Any, least: int, most: int | None) -> bool:
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 2e4, which mmengine takes too
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and value >= least and (most is None or value <= most)
