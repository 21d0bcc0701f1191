from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmseg.registry import METRICS, MODELS
from torch import nn

from mmseg_joint.checks import findings
from mmseg_joint.checks.domains import SHARES
from mmseg_joint.checks.parts import build, check_refusal, parts_of, reason_of
from mmseg_joint.checks.schedules import schedules_of
from mmseg_joint.checks.sections import value_of
from mmseg_joint.checks.weights import is_here, is_remote, weights_files
from mmseg_joint.errors import JointError
from mmseg_joint.models.pretrained import (
    PretrainedMixin,
    check_pretrained,
    load_pretrained,
    pretrained_cfgs,
)
from mmseg_joint.utils.error_hints import hint

from .cost import show_memory, time_step
from .data import Part
from .report import Report


def look_at_training(cfg: Config, parts: list[Part], step: bool, report: Report) -> None:
    """Build all that training builds, and go through the list of checks.

    Args:
        cfg: The whole config.
        parts: Its datasets.
        step: Time a real step.
        report: Takes the findings.
    """
    for moment in ('config', 'advice'):
        report.problems_of(findings(moment, 'train', cfg))
    for part in parts_of(cfg, 'train'):
        if part.registry is METRICS:
            tried(part.key, partial(build, part), cfg, report)
    model = None
    if cfg.get('model'):
        model = tried('model', lambda: MODELS.build(copy.deepcopy(cfg.model)), cfg, report)
    _show_config(cfg, report)
    if model is None:
        return
    _look_at_model(cfg, model, parts, report)
    optim_wrapper = None
    if cfg.get('optim_wrapper'):
        optim_wrapper = tried(
            'optim_wrapper', lambda: build_optim_wrapper(model, cfg.optim_wrapper), cfg, report
        )
    show_memory(model, optim_wrapper, report)
    if step and report.problems:
        report.line('a step', 'not timed: first solve the problems below')
    elif step and optim_wrapper is not None:
        time_step(cfg, model, report)


def tried(key: str, make: Callable[[], Any], cfg: Config, report: Report) -> Any:
    """Build a part of the config; tell what it raises as a problem.

    Args:
        key: Its name in the config.
        make: Builds it.
        cfg: The whole config.
        report: Takes the problem.

    Returns:
        The part, or None.
    """
    try:
        return make()
    except JointError as error:
        report.problem(error)
    except Exception as error:  # whatever a class of the user's raises
        try:
            check_refusal(cfg, 'train', error)
        except JointError as better:
            report.problem(better)
        else:
            told = (hint(error) or reason_of(error)).rstrip('.')
            report.problem(
                f'{key} cannot be built ({told}): check its values and every type in it.'
            )
    return None


def _look_at_model(cfg: Config, model: nn.Module, parts: list[Part], report: Report) -> None:
    report.problems_of(findings('model', 'train', cfg, model))
    for name, module in model.named_modules():
        given = [cfg['checkpoint'] for cfg in pretrained_cfgs(module)]
        if given and all(map(is_here, given)):
            report.problems_of(_misfits(module, f'model.{name}' if name else 'model'))
    if is_here(cfg.get('load_from') or ''):
        report.problems_of(findings('weights', 'train', cfg, model))
    for name, objective in getattr(model, 'objectives', {}).items():
        report.problems_of(findings('objective', 'train', cfg, name, objective))
    for part in parts:
        report.problems_of(findings('data', 'train', model, part.dataset, part.key))


def _misfits(module: nn.Module, name: str) -> list[JointError]:
    """What loading a network's own weights files raises."""
    try:
        check_pretrained(module, name)
        if isinstance(module, PretrainedMixin):
            for cfg in pretrained_cfgs(module):
                load_pretrained(module, cfg['checkpoint'], cfg.get('prefix') or '', name=name)
    except JointError as error:
        return [error]
    return []


def _show_config(cfg: Config, report: Report) -> None:
    """Print the weights files, a batch and the schedules."""
    for key, path in weights_files(cfg).items():
        if is_remote(path):
            report.line('weights', f'{key}: will be downloaded from {path}')
        elif is_here(path):
            report.line('weights', f'{key}: {path}')
    shares = value_of(cfg, SHARES)
    if isinstance(shares, dict):
        report.line('a batch', ', '.join(f'{share} {name}' for name, share in shares.items()))
    max_iters = value_of(cfg, 'train_cfg.max_iters')
    for schedules in schedules_of(cfg).values():
        if max_iters and schedules:
            kind, end = schedules[-1].get('type'), schedules[-1].get('end') or max_iters
            report.line(
                'schedule', f'{kind} ends at iteration {end:,}, training stops at {max_iters:,}'
            )
