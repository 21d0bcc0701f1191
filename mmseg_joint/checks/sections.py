from __future__ import annotations

import logging
from typing import Any

from mmengine.config import Config

from mmseg_joint.errors import JointError

# parts that are a dict; None leaves one out
DICTS = (
    *('model', 'model.objectives', 'optim_wrapper', 'env_cfg', 'randomness', 'log_processor'),
    *('train_cfg', 'val_cfg', 'test_cfg', 'default_hooks', 'visualizer'),
    *('train_dataloader', 'val_dataloader', 'test_dataloader', 'train_dataloader.sampler'),
    *('train_dataloader.dataset', 'val_dataloader.dataset', 'test_dataloader.dataset'),
    'train_dataloader.dataset.domains',
)
# hooks that mmengine brings by itself, which None takes away
BROUGHT = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')


def value_of(cfg: Config, key: str) -> Any:
    """Read a value deep in a config.

    Args:
        cfg: The whole config.
        key: Its dotted name.

    Returns:
        The value; None if it, or a part around it, is not there.
    """
    node: Any = cfg
    for part in key.split('.'):
        node = node.get(part) if isinstance(node, (dict, Config)) else None
    return node


def check_sections(cfg: Config) -> None:
    """Refuse a part of the config that is of another kind than it must be.

    Args:
        cfg: The whole config.

    Raises:
        JointError: One is.
    """
    for key in DICTS:
        value = value_of(cfg, key)
        if value is not None and not isinstance(value, dict):
            raise JointError(f'{key} is {value!r}: give a dict, like {key}=dict(…).')
    if 'env_cfg' in cfg and cfg.env_cfg is None:
        raise JointError('env_cfg is None: delete the key, or give env_cfg=dict().')
    _check_level(cfg.get('log_level'))
    _check_hooks(cfg)


def check_loops(cfg: Config) -> None:
    """Refuse a validation or a test that lacks a part of what mmengine needs for it.

    Args:
        cfg: The whole config.

    Raises:
        JointError: It has some of the three parts, but not all.
    """
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


def _check_level(level: Any) -> None:
    names = ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')
    if isinstance(level, str) and not isinstance(logging.getLevelName(level), int):
        raise JointError(f'log_level is {level!r}: choose from {", ".join(names)}.')


def _check_hooks(cfg: Config) -> None:
    for name, hook in (cfg.get('default_hooks') or {}).items():
        if hook is None and name not in BROUGHT:
            raise JointError(
                f'default_hooks.{name} is None, which only hooks of mmengine itself may be: delete '
                'the key, or give default_hooks anew with _delete_=True.'
            )
    hooks = cfg.get('custom_hooks')
    if hooks is not None and not isinstance(hooks, (list, tuple)):
        raise JointError(f'custom_hooks is {hooks!r}: give a list, like [dict(type=…)].')
