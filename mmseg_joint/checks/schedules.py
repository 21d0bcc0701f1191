from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

from mmseg_joint.engine.joint_optim_wrapper_constructor import networks_of
from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import value_of

DECAYING_TO_ZERO = ('PolyLR', 'CosineAnnealingLR')
# papers that stop early leave up to 63 % (configs/_base_/schedules/sgd_80k.py)
MOST_LEFT = 2 / 3


def check_networks(cfg: Config) -> None:
    """Compare the networks that have a schedule with those that have an optimizer."""
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


def check_begins(cfg: Config) -> None:
    """Refuse a schedule that has not begun when training ends, as its warm-up is still running."""
    for key, schedule, max_iters in _each(cfg):
        begin, end = schedule.get('begin') or 0, schedule.get('end') or max_iters
        if not schedule.get('by_epoch', True) and begin >= end:
            short = max(2, max_iters // 10)  # a warm-up of one iteration never ends
            example = f'param_scheduler.0.end={short} param_scheduler.1.begin={short}'
            shorten = f', or shorten the warm-up before it, like {example}'
            raise JointError(
                f'{key}: {schedule.get("type")} begins at iteration {begin:,} and ends at {end:,} '
                f'(train_cfg.max_iters is {max_iters:,}): train longer'
                f'{shorten if short < max_iters else ""}.'
            )


def check_units(cfg: Config) -> None:
    """Look for a schedule that counts epochs in a training that counts iterations.

    mmengine's plateau schedules count validations, under the name of epochs.
    """
    for key, schedule, max_iters in _each(cfg):
        kind, by_epoch = str(schedule.get('type')), schedule.get('by_epoch', True)
        if 'ReduceOnPlateau' in kind:
            if not by_epoch:
                raise JointError(f'{key}: {kind} counts validations: leave by_epoch out.')
        elif by_epoch and not schedule.get('convert_to_iter_based'):
            raise JointError(
                f'{key}: {kind} counts epochs, but a training of {max_iters} '
                'iterations has only one: set by_epoch=False.'
            )


def check_warm_ups(cfg: Config) -> None:
    """Look for a warm-up that never reaches its end: LinearLR begins with its first iteration."""
    for key, schedule, _ in _each(cfg):
        begin, end = schedule.get('begin') or 0, schedule.get('end')
        factors = schedule.get('start_factor', 1 / 3), schedule.get('end_factor', 1.0)
        if schedule.get('type') == 'LinearLR' and end == begin + 1 and factors[0] != factors[1]:
            raise JointError(
                f'{key}: LinearLR has one iteration, {begin:,}, and leaves the learning rate at '
                f'{factors[0]:g} of its value for all of the training: set its end to '
                f'{begin + 2:,} or later.'
            )


def _each(cfg: Config) -> Iterator[tuple[str, dict[str, Any], int]]:
    for key, schedules, max_iters in schedules_of(cfg):
        yield from ((key, schedule, max_iters) for schedule in schedules)


def check_ends(cfg: Config) -> None:
    """Look for a learning rate that is 0 long before training ends."""
    for key, schedules, max_iters in schedules_of(cfg):
        last = schedules[-1]
        end, kind = last.get('end') or max_iters, last.get('type')
        # a rate above 0, or an end that counts epochs
        other = any(map(last.get, ('eta_min', 'eta_min_ratio', 'convert_to_iter_based')))
        if end < max_iters and kind in DECAYING_TO_ZERO and not other:
            raise JointError(
                f'{key}: {kind} ends at iteration {end:,} and leaves the learning rate at 0 until '
                f'training ends at {max_iters:,}: leave `end` out, and it follows '
                'train_cfg.max_iters.'
            )


def check_lengths(cfg: Config) -> None:
    """Look for a learning rate that has hardly decayed when training ends."""
    for key, schedules, max_iters in schedules_of(cfg):
        left, kind = rate_left(schedules[-1], max_iters), schedules[-1].get('type')
        if left > MOST_LEFT:
            end = schedules[-1]['end']
            raise JointError(
                f'{key}: {kind} ends at iteration {end:,}, but training stops at {max_iters:,}, at '
                f'{left:.0%} of the learning rate: write param_scheduler anew without `end`, and '
                'it follows train_cfg.max_iters.'
            )


def rate_left(schedule: dict[str, Any], max_iters: int) -> float:
    """Return the fraction of the learning rate that a schedule leaves when training stops.

    It is 0 for kinds that do not decay to 0, because it is not known.
    """
    kind, begin, end = schedule.get('type'), schedule.get('begin', 0), schedule.get('end')
    if kind not in DECAYING_TO_ZERO or not end or end <= max_iters:
        return 0.0
    done = max(0.0, (max_iters - begin) / (end - begin))
    if kind == 'PolyLR':
        return float((1 - done) ** schedule.get('power', 1.0))
    return (1 + math.cos(math.pi * done)) / 2


def schedules_of(cfg: Config) -> Iterator[tuple[str, list[dict[str, Any]], int]]:
    """List the schedules of a training that counts iterations.

    Yields:
        Key of a network's schedules, their configs sorted by their end, and the iterations of the
        training.
    """
    given, max_iters = cfg.get('param_scheduler') or {}, value_of(cfg, 'train_cfg.max_iters')
    several = given if isinstance(given, dict) and 'type' not in given else {'': given}
    for name, listed in several.items() if isinstance(max_iters, (int, float)) else ():
        listed = listed if isinstance(listed, (list, tuple)) else [listed]
        schedules = [schedule for schedule in listed if isinstance(schedule, dict)]
        if schedules:
            key = f'param_scheduler.{name}' if name else 'param_scheduler'
            yield key, sorted(schedules, key=lambda x: x.get('end') or max_iters), int(max_iters)
