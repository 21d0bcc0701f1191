from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS
from torch import nn

from mmseg_joint.engine import config_checks
from mmseg_joint.errors import JointError
from mmseg_joint.utils.known_errors import explain

from .report import Report

DECAYING_TO_ZERO = ('PolyLR', 'CosineAnnealingLR')


def build_model(cfg: Config, report: Report) -> nn.Module | None:
    """Build the model as training does, without its weights files.

    Args:
        cfg: The whole config.
        report: Takes the problem if it cannot be built.

    Returns:
        The model, or None.
    """
    if not cfg.get('model'):
        report.problem('The config has no model: name a config that trains.')
        return None
    return tried('model', lambda: MODELS.build(copy.deepcopy(cfg.model)), report)


def build_optimizers(cfg: Config, model: nn.Module, report: Report) -> Any:
    """Build the optimizers, which checks that every parameter has exactly one.

    Args:
        cfg: The whole config.
        model: The model.
        report: Takes the problem if they cannot be built.

    Returns:
        The optimizer wrapper, or None.
    """
    if not cfg.get('optim_wrapper'):
        report.line('optimizers', 'none: this config does not train')
        return None
    return tried('optim_wrapper', lambda: build_optim_wrapper(model, cfg.optim_wrapper), report)


def check_schedule(cfg: Config, report: Report) -> None:
    """Compare where the learning rate's schedule ends with where training does.

    Args:
        cfg: The whole config.
        report: Takes the findings.
    """
    given, training = cfg.get('param_scheduler'), cfg.get('train_cfg') or {}
    max_iters = training.get('max_iters')
    if not given or not max_iters:
        return
    several = given if isinstance(given, dict) and 'type' not in given else {'': given}
    if '' not in several:
        try:
            config_checks.check_schedule(cfg)
        except JointError as error:
            report.problem(error)
    for network, schedules in several.items():
        schedules = schedules if isinstance(schedules, (list, tuple)) else [schedules]
        key = f'param_scheduler.{network}' if network else 'param_scheduler'
        _check_ends([item for item in schedules if isinstance(item, dict)], key, max_iters, report)


def _check_ends(schedules: list[dict[str, Any]], key: str, max_iters: int, report: Report) -> None:
    for schedule in schedules:
        if schedule.get('by_epoch', True) and not schedule.get('convert_to_iter_based'):
            report.problem(
                f'{key}: {schedule.get("type")} counts epochs, of which a training of '
                f'{max_iters} iterations has one: set by_epoch=False.'
            )
    if not schedules:
        return
    last = max(schedules, key=lambda item: item.get('end') or max_iters)
    end = last.get('end') or max_iters
    name = f'{last.get("type")} ends at iteration {end:,}'
    report.line('schedule', f'{name}, training stops at {max_iters:,}')
    if end < max_iters and last.get('type') in DECAYING_TO_ZERO and not last.get('eta_min'):
        report.problem(
            f'{key}: {name} and leaves the learning rate at 0 until training ends at '
            f'{max_iters:,}: leave `end` out, and it follows train_cfg.max_iters.'
        )


def tried(key: str, build: Callable[[], Any], report: Report) -> Any:
    """Build a part of the config; tell what it raises as a problem.

    Args:
        key: Its name in the config.
        build: Builds it.
        report: Takes the problem.

    Returns:
        The part, or None.
    """
    try:
        return build()
    except JointError as error:
        report.problem(error)
    except Exception as error:  # whatever a class of the user's raises
        told = explain(error)
        if told:
            report.problem(f'{key} cannot be built ({told.rstrip(".")}).')
            return None
        reason = str(error).strip().split('\n')[0].rstrip('. ') or type(error).__name__
        report.problem(f'{key} cannot be built ({reason}): check its values and every type in it.')
    return None
