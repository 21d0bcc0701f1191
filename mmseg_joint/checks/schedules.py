from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

from mmseg_joint.engine.joint_optim_wrapper_constructor import networks_of
from mmseg_joint.errors import JointError

DECAYING_TO_ZERO = ('PolyLR', 'CosineAnnealingLR')


def check_networks(cfg: Config) -> None:
    """Compare the networks that have a schedule with those that have an optimizer.

    Args:
        cfg: The whole config.

    Raises:
        JointError: When `param_scheduler` lacks a network, or has one that has no optimizer.
    """
    given, optimizers = cfg.get('param_scheduler'), cfg.get('optim_wrapper') or {}
    joint = optimizers.get('constructor') == 'JointOptimWrapperConstructor'
    if not joint or not isinstance(given, dict) or 'type' in given:
        return
    networks = set(networks_of(optimizers))
    missing = sorted(networks - set(given))
    if missing:
        raise JointError(
            f'param_scheduler has no schedule for {", ".join(missing)}: add the key, or give one '
            'list that all optimizers follow.'
        )
    unknown = sorted(set(given) - networks)
    if unknown:
        raise JointError(
            f'param_scheduler has a schedule for {", ".join(unknown)}, but optim_wrapper has only '
            f'{", ".join(sorted(networks))}: correct or delete the key.'
        )


def check_units(cfg: Config) -> None:
    """Look for schedules that count epochs in a training that counts iterations.

    Args:
        cfg: The whole config.

    Raises:
        JointError: When there is one.
    """
    wrong = {
        key: (schedule.get('type'), max_iters)
        for key, schedule, max_iters in _within_iterations(cfg)
        if schedule.get('by_epoch', True) and not schedule.get('convert_to_iter_based')
    }
    for kind, max_iters in wrong.values():
        raise JointError(
            f'{", ".join(wrong)}: {kind} counts epochs, of which a training of {max_iters} '
            'iterations has one: set by_epoch=False.'
        )


def check_ends(cfg: Config) -> None:
    """Look for a learning rate that is 0 long before training ends.

    Args:
        cfg: The whole config.

    Raises:
        JointError: When there is one.
    """
    last = {key: (schedule, max_iters) for key, schedule, max_iters in _within_iterations(cfg)}
    for key, (schedule, max_iters) in last.items():
        end, kind = schedule.get('end') or max_iters, schedule.get('type')
        if end < max_iters and kind in DECAYING_TO_ZERO and not schedule.get('eta_min'):
            raise JointError(
                f'{key}: {kind} ends at iteration {end:,} and leaves the learning rate at 0 until '
                f'training ends at {max_iters:,}: leave `end` out, and it follows '
                'train_cfg.max_iters.'
            )


def schedules_of(cfg: Config) -> dict[str, list[dict[str, Any]]]:
    """List the schedules, the one that ends last at the end.

    Args:
        cfg: The whole config.

    Returns:
        Name of a network -> its schedules; the name is empty where all networks follow one list.
    """
    given = cfg.get('param_scheduler')
    if not given:
        return {}
    several = given if isinstance(given, dict) and 'type' not in given else {'': given}
    listed = {k: list(v) if isinstance(v, (list, tuple)) else [v] for k, v in several.items()}
    return {
        name: sorted((x for x in found if isinstance(x, dict)), key=_end)
        for name, found in listed.items()
    }


def _end(schedule: dict[str, Any]) -> float:
    return schedule.get('end') or float('inf')


def _within_iterations(cfg: Config) -> Iterator[tuple[str, dict[str, Any], int]]:
    """Key and config of each schedule, and the training's length, if that is in iterations."""
    max_iters = int((cfg.get('train_cfg') or {}).get('max_iters') or 0)
    for name, schedules in schedules_of(cfg).items():
        for schedule in schedules if max_iters else ():
            yield f'param_scheduler.{name}' if name else 'param_scheduler', schedule, max_iters
