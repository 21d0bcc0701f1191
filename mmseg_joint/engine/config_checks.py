from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_joint.engine.hook_checks import check_backends, check_best
from mmseg_joint.engine.joint_optim_wrapper_constructor import networks_of
from mmseg_joint.engine.pipeline_checks import check_pipelines
from mmseg_joint.engine.section_checks import check_loops, check_sections, value_of
from mmseg_joint.errors import JointError
from mmseg_joint.models.objectives import Objective

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


def check_config(cfg: Config) -> None:
    """Refuse a config with a mistake that can be seen before anything is built.

    Args:
        cfg: The whole config.

    Raises:
        JointError: It has one.
    """
    for check in CHECKS:
        check(cfg)


def check_parts(cfg: Config, task: str) -> None:
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


def check_schedule(cfg: Config) -> None:
    """Compare the networks that have a schedule with those that have an optimizer.

    Args:
        cfg: The whole config.

    Raises:
        JointError: `param_scheduler` lacks a network, or has one that has no optimizer.
    """
    scheduler = cfg.get('param_scheduler')
    joint = (cfg.get('optim_wrapper') or {}).get('constructor') == 'JointOptimWrapperConstructor'
    if not joint or not isinstance(scheduler, dict) or 'type' in scheduler:
        return
    networks = set(networks_of(cfg.optim_wrapper))
    missing = sorted(networks - set(scheduler))
    if missing:
        raise JointError(
            f'param_scheduler has no schedule for {", ".join(missing)}: add the key, or give one '
            'list that all optimizers follow.'
        )
    unknown = sorted(set(scheduler) - networks)
    if unknown:
        raise JointError(
            f'param_scheduler has a schedule for {", ".join(unknown)}, but optim_wrapper has only '
            f'{", ".join(sorted(networks))}: correct or delete the key.'
        )


def check_followers(cfg: Config) -> None:
    """Refuse an optimizer wrapper that would not tell an objective of its steps.

    Args:
        cfg: The whole config.

    Raises:
        JointError: An objective wants to know of every step, and the wrapper is another's.
    """
    wrapper = cfg.get('optim_wrapper') or {}
    if wrapper.get('constructor') == 'JointOptimWrapperConstructor':
        return
    for name, config in (value_of(cfg, 'model.objectives') or {}).items():
        kind = config.get('type') if isinstance(config, dict) else None
        kind = MODELS.get(kind) if isinstance(kind, str) else kind
        follow = getattr(kind, 'after_optimizer_step', Objective.after_optimizer_step)
        if follow is not Objective.after_optimizer_step:
            raise JointError(
                f'model.objectives.{name} moves with every optimizer step, of which only '
                "optim_wrapper.constructor='JointOptimWrapperConstructor' tells it: set it."
            )


def _is_whole(value: Any, least: int, most: int | None) -> bool:
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 2e4, which mmengine takes too
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and value >= least and (most is None or value <= most)


# the first makes sure of what the others take for granted
CHECKS: tuple[Callable[[Config], None], ...] = (
    *(check_sections, check_numbers, check_loops, check_best, check_backends, check_pipelines),
    *(check_schedule, check_followers),
)
