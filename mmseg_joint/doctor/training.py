from __future__ import annotations

import copy
from functools import partial

from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmseg.registry import METRICS, MODELS
from torch import nn

from mmseg_joint.checkpoints.pretrained import fitting_weights, pretrained_cfgs
from mmseg_joint.checkpoints.read import is_remote
from mmseg_joint.checks import findings
from mmseg_joint.checks.domains import SAMPLES
from mmseg_joint.checks.parts import build, parts_of
from mmseg_joint.checks.schedules import schedules_of
from mmseg_joint.checks.weights import is_here, weights_files
from mmseg_joint.errors import JointError
from mmseg_joint.models.segmentors.norm_statistics import domains_that_move, live_norms
from mmseg_joint.utils.walk import value_of

from .cost import show_memory, time_step
from .data import OpenDataset, tried
from .report import Report

# hooks of configs/_base_/joint_runtime.py, and what each provides
HOOKS = {
    'IterationSeedHook': 'exact resume',
    'AtomicCheckpointHook': 'checkpoints that a kill leaves whole',
    'SelectionReportHook': 'a report of which checkpoint to choose',
    'TrainingPicturesHook': 'images while training',
}


def look_at_training(cfg: Config, parts: list[OpenDataset], step: bool, report: Report) -> None:
    """Build everything that training builds, and run all checks on it."""
    for moment in ('config', 'advice'):
        report.problem(*findings(moment, 'train', cfg))
    for part in parts_of(cfg, 'train'):
        if part.registry is METRICS:
            tried(part.key, partial(build, part), cfg, report)
    model = None
    if cfg.get('model'):
        model = tried('model', lambda: MODELS.build(copy.deepcopy(cfg.model)), cfg, report)
    _show_config(cfg, report)
    _show_hooks(cfg, report)
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


def _look_at_model(cfg: Config, model: nn.Module, parts: list[OpenDataset], report: Report) -> None:
    report.problem(*findings('model', 'train', cfg, model))
    for name, module in model.named_modules():
        for given in pretrained_cfgs(module):
            if is_here(given['checkpoint']):
                try:
                    fitting_weights(module, given, f'model.{name}' if name else 'model')
                except JointError as error:
                    report.problem(error)
    if is_here(cfg.get('load_from') or ''):
        report.problem(*findings('weights', 'train', cfg, model))
    for name, objective in getattr(model, 'objectives', {}).items():
        report.problem(*findings('objective', 'train', cfg, name, objective))
    for part in parts:
        report.problem(*findings('data', 'train', model, part.dataset, part.key))
    _show_norms(cfg, model, parts, report)


def _show_norms(cfg: Config, model: nn.Module, parts: list[OpenDataset], report: Report) -> None:
    """Print which domains update the running statistics of batch norms."""
    choice, samples = getattr(model, 'norm_statistics', None), value_of(cfg, SAMPLES)
    averages = [norm for norm in live_norms([model.train()]) if norm.running_mean is not None]
    if choice is None or not averages or not isinstance(samples, dict):
        return
    loaded = [name for name, count in samples.items() if count]
    unlabeled = {part.name for part in parts if not part.labeled}
    real = {name for name in loaded if name == 'target' or name in unlabeled}
    try:
        moving = domains_that_move(choice, loaded, (), real)
    except JointError as error:
        report.problem(error)
        return
    fact = f'running averages are moved by {", ".join(name for name in loaded if name in moving)}'
    if choice == 'all' and real and moving - real:
        fact += (
            ' (warning: norm_statistics="all" tests the network with averages that it never '
            'trained with; "auto" takes those of the images that are tested)'
        )
    hooks = [hook for hook in cfg.get('custom_hooks') or () if isinstance(hook, dict)]
    for hook in hooks:
        if hook.get('type') == 'FreezeNormHook':
            begin = hook.get('begin', 0)
            until = f'{fact} up to iteration {begin:,}, then kept' if begin else ''
            fact = f'{until or "running averages are kept"} (FreezeNormHook)'
    report.line('batch norm', fact)


def _show_hooks(cfg: Config, report: Report) -> None:
    """Print which hooks a config derived from mmseg lacks."""
    hooks = [*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or ())]
    given = [hook.get('type') for hook in hooks if isinstance(hook, dict)]
    absent = [what for name, what in HOOKS.items() if name not in given]
    if (cfg.get('randomness') or {}).get('seed') is None:
        absent.insert(0, 'the same seed in every run')
    if absent:
        report.line(
            'hooks',
            f'warning: without {", ".join(absent)}: add the base '
            'mmseg_joint::_base_/joint_runtime.py, which says how to use it',
        )


def _show_config(cfg: Config, report: Report) -> None:
    """Print the weights files, a batch and the schedules."""
    for key, path in weights_files(cfg).items():
        if is_remote(path):
            report.line('weights', f'{key}: will be downloaded from {path}')
        elif is_here(path):
            report.line('weights', f'{key}: {path}')
    samples = value_of(cfg, SAMPLES)
    if isinstance(samples, dict):
        report.line('a batch', ', '.join(f'{count} {name}' for name, count in samples.items()))
    for _, schedules, max_iters in schedules_of(cfg):
        kind, end = schedules[-1].get('type'), schedules[-1].get('end') or max_iters
        fact = f'{kind} ends at iteration {end:,}, training stops at {max_iters:,}'
        report.line('schedule', fact)
