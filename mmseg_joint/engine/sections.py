"""The sections of a config: which are read, and which type each must have."""

from __future__ import annotations

import logging
import re
from difflib import get_close_matches
from inspect import signature

from mmengine.config import Config
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import value_of

# what a training reads besides the Runner's own arguments
BESIDE_THE_RUNNER = (
    *('runner_type', 'model_wrapper_cfg', 'activation_checkpointing', 'efficient_conv_bn_eval'),
    *('compile', 'tta_model', 'tta_pipeline'),
)
TRAINING_READS = (*signature(Runner).parameters, *BESIDE_THE_RUNNER)
CONFIG_READS = (*TRAINING_READS, 'stages', 'custom_imports')  # top-level keys
CLOSE = 0.92  # train_dataloder is at 0.97, test_pipeline for tta_pipeline at 0.88
LOADER_READS = (
    *signature(DataLoader).parameters,
    *('num_batch_per_epoch', 'disable_subprocess_warning'),
)
LOADERS = tuple(f'{name}_dataloader' for name in ('train', 'val', 'test'))
# sections that are a dict; None leaves one out
DICTS = (
    *('model', 'model.objectives', 'optim_wrapper', 'env_cfg', 'randomness', 'log_processor'),
    *('train_cfg', 'val_cfg', 'test_cfg', 'default_hooks', 'visualizer', *LOADERS),
    *('train_dataloader.sampler', *(f'{loader}.dataset' for loader in LOADERS)),
    *('train_dataloader.sampler.samples_per_domain', 'train_dataloader.dataset.domains'),
)
# mmengine's own default hooks, which None removes
BROUGHT = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')
LEVELS = ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')


def check_sections(cfg: Config) -> None:
    """Refuse a section of the wrong type."""
    for key in DICTS:
        value = value_of(cfg, key)
        if value is not None and not isinstance(value, dict):
            raise JointError(f'{key} is {value!r}: give a dict, like {key}=dict(…).')
    if not isinstance(cfg.get('load_from'), (str, type(None))):
        raise JointError(f'load_from is {cfg.load_from!r}: give the path of a checkpoint, or None.')
    for key in ('env_cfg', 'randomness'):
        if key in cfg and cfg[key] is None:
            raise JointError(f'{key} is None: delete the key, or give {key}=dict().')
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


def check_names(cfg: Config) -> None:
    """Refuse a section that nothing reads if its name is close to that of one that is read.

    A config may have its own variables, such as `my_train_dataloader`; a data loader may not.
    """
    for key in cfg:
        close = get_close_matches(key, CONFIG_READS, n=1, cutoff=CLOSE)
        if key not in CONFIG_READS and close and not re.search(rf'(^|_){close[0]}(_|$)', key):
            raise JointError(
                f'The config {cfg.filename or ""} has {key}, which nothing reads: did you mean '
                f'{close[0]}?'
            )
    for loader in LOADERS:
        for key in cfg.get(loader) or ():
            if key not in LOADER_READS:
                close = get_close_matches(key, LOADER_READS, n=1)
                hint = f'did you mean {close[0]}?' if close else 'delete the key.'
                raise JointError(f'{loader} has {key}, which nothing reads: {hint}')
