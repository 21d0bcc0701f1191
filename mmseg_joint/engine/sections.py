"""The kind of each section of a config, on which all that reads one relies."""

from __future__ import annotations

import logging

from mmengine.config import Config

from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import value_of

LOADERS = tuple(f'{name}_dataloader' for name in ('train', 'val', 'test'))
# sections that are a dict; None leaves one out
DICTS = (
    *('model', 'model.objectives', 'optim_wrapper', 'env_cfg', 'randomness', 'log_processor'),
    *('train_cfg', 'val_cfg', 'test_cfg', 'default_hooks', 'visualizer', *LOADERS),
    *('train_dataloader.sampler', *(f'{loader}.dataset' for loader in LOADERS)),
    'train_dataloader.dataset.domains',
)
# hooks that mmengine brings by itself, which None takes away
BROUGHT = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')
LEVELS = ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')


def check_sections(cfg: Config) -> None:
    """Refuse a section that is of another kind than it must be."""
    for key in DICTS:
        value = value_of(cfg, key)
        if value is not None and not isinstance(value, dict):
            raise JointError(f'{key} is {value!r}: give a dict, like {key}=dict(…).')
    if 'env_cfg' in cfg and cfg.env_cfg is None:
        raise JointError('env_cfg is None: delete the key, or give env_cfg=dict().')
    level = cfg.get('log_level')
    if isinstance(level, str) and not isinstance(logging.getLevelName(level), int):
        raise JointError(f'log_level is {level!r}: choose from {", ".join(LEVELS)}.')
    for name, hook in (cfg.get('default_hooks') or {}).items():
        if hook is None and name not in BROUGHT:
            raise JointError(
                f'default_hooks.{name} is None, which only hooks of mmengine itself may be: delete '
                'the key, or give default_hooks anew with _delete_=True.'
            )
    hooks = cfg.get('custom_hooks')
    if hooks is not None and not isinstance(hooks, (list, tuple)):
        raise JointError(f'custom_hooks is {hooks!r}: give a list, like [dict(type=…)].')
