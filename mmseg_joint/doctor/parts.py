from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import partial
from inspect import signature
from typing import Any

from mmengine.config import Config
from mmseg.registry import HOOKS, METRICS, VISBACKENDS, VISUALIZERS

from mmseg_joint.errors import JointError

from .report import Report
from .training import tried


def check_hooks_and_evaluators(cfg: Config, report: Report) -> None:
    """Look for mistakes in what training calls beside the model, and leave no file behind.

    Args:
        cfg: The whole config.
        report: Takes what cannot be built.
    """
    for key, hook in _hooks(cfg):
        tried(key, partial(_bind, key, hook), report)
    for task in ('val', 'test'):
        for key, metric in _listed(f'{task}_evaluator', cfg.get(f'{task}_evaluator')):
            # the metric would make the folder
            _try_to_build(METRICS, key, metric, report, without=('output_dir',))
    visualizer = cfg.get('visualizer') or {}
    kind = visualizer.get('type')
    if isinstance(kind, str) and VISUALIZERS.get(kind) is None:
        report.problem(f'visualizer.type is {kind!r}, and no visualizer has that name: correct it.')
    for key, backend in _listed('visualizer.vis_backends', visualizer.get('vis_backends')):
        _try_to_build(VISBACKENDS, key, backend, report, save_dir='')


def _bind(key: str, hook: Any) -> None:
    """Compare a hook's arguments with its class, since some can be built in a training only."""
    kind = hook.get('type') if isinstance(hook, dict) else None
    found: Any = HOOKS.get(kind) if isinstance(kind, str) else kind
    if found is None:
        HOOKS.build(hook)  # which raises
    arguments = {name: value for name, value in hook.items() if name not in ('type', 'priority')}
    try:
        signature(found).bind(**arguments)
    except TypeError as error:
        raise JointError(f'{key} ({found.__name__}): {error}; correct the key.') from error


def _hooks(cfg: Config) -> Iterator[tuple[str, Any]]:
    for name, hook in (cfg.get('default_hooks') or {}).items():
        if hook is not None:
            yield f'default_hooks.{name}', hook
    for index, hook in enumerate(cfg.get('custom_hooks') or ()):
        yield f'custom_hooks.{index}', hook


def _listed(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """One entry, or the entries of a list."""
    if isinstance(value, (list, tuple)):
        yield from ((f'{key}.{index}', item) for index, item in enumerate(value))
    elif value is not None:
        yield key, value


def _try_to_build(
    registry: Any, key: str, part: Any, report: Report, without: tuple[str, ...] = (), **more: Any
) -> None:
    part = copy.deepcopy(part)
    if isinstance(part, dict):
        part = {name: value for name, value in part.items() if name not in without}
        for name, value in more.items():
            part.setdefault(name, value)
    tried(key, lambda: registry.build(part), report)
