"""Checks of the sections that a task needs, and of numbers with which nothing could start."""

from __future__ import annotations

from mmengine.config import Config

from mmseg_joint.engine.sections import LOADERS
from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import value_of

from .parts import BUILT

NEEDED = {
    'train': ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper'),
    'test': ('model', 'test_dataloader', 'test_cfg', 'test_evaluator'),
}
# whole numbers, with their minimum and maximum
NUMBERS: dict[str, tuple[int, int | None]] = {
    'train_cfg.max_iters': (1, None),
    'train_cfg.max_epochs': (1, None),
    'train_cfg.val_interval': (1, None),
    'optim_wrapper.accumulative_counts': (1, None),
    'default_hooks.logger.interval': (1, None),
    'default_hooks.visualization.interval': (1, None),
    'default_hooks.checkpoint.interval': (-1, None),
    'default_hooks.checkpoint.max_keep_ckpts': (-1, None),
    'randomness.seed': (0, 2**32 - 1),
    **{f'{loader}.batch_size': (1, None) for loader in LOADERS},
    **{f'{loader}.num_workers': (0, None) for loader in LOADERS},
}


def check_needed(cfg: Config, task: str) -> None:
    """Refuse a config that lacks a section that a task needs."""
    missing = [key for key in NEEDED[task] if cfg.get(key) is None]
    if missing:
        raise JointError(
            f'The config {cfg.filename or ""} has no {", ".join(missing)}: add it, or name another '
            f'config to {task}.'
        )


def check_loops(cfg: Config) -> None:
    """Refuse a validation or a test that has some of its three sections, but not all."""
    for task in ('val', 'test'):
        keys = [f'{task}_{part}' for part in ('dataloader', 'cfg', 'evaluator')]
        missing = [key for key in keys if cfg.get(key) is None]
        given = [key for key in keys if key not in missing]
        if missing and given:
            verb = 'is' if len(missing) == 1 else 'are'
            raise JointError(
                f'{" and ".join(missing)} {verb} missing, but {" and ".join(given)} not: add what '
                'is missing, or set all three to None.'
            )


def check_workers(cfg: Config, task: str) -> None:
    """Refuse a data loader that is to keep its workers but has none; torch refuses it, too."""
    for name in BUILT[task]:
        loader = cfg.get(f'{name}_dataloader') or {}
        if loader.get('persistent_workers') and not loader.get('num_workers'):
            raise JointError(
                f'{name}_dataloader.persistent_workers is True without num_workers: set it to '
                'False, or num_workers to 1 or more.'
            )


def check_numbers(cfg: Config) -> None:
    """Refuse lengths and counts with which nothing could start."""
    for key, (least, most) in NUMBERS.items():
        value = value_of(cfg, key)
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # 2e4, which mmengine takes too
        whole = isinstance(value, int) and not isinstance(value, bool)
        in_range = whole and value >= least and (most is None or value <= most)
        if value is not None and not in_range:
            upto = '' if most is None else f' to {most}'
            raise JointError(f'{key} is {value!r}: give a whole number from {least}{upto}.')
