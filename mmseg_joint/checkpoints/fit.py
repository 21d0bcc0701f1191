"""Checks that a checkpoint fits a model, and models with a checkpoint's weights."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_joint.checkpoints.read import read_checkpoint, read_content, tensors_of
from mmseg_joint.errors import JointError, reason_of
from mmseg_joint.utils.unwrapped import unwrapped
from mmseg_joint.utils.walk import value_of

MAX_NAMES = 3  # parameters named in an error


def load_model(
    cfg: Config, checkpoint: str, device: str = 'cpu', objectives: Collection[str] = ()
) -> nn.Module:
    """Build a config's model with a checkpoint's weights, ready to predict.

    Nothing is initialized, so no pretrained file is needed. Objectives that are neither named nor
    evaluated are neither built nor read; everything else must be the same in both.

    Args:
        cfg: The whole config.
        checkpoint: A file written in training.
        device: Device of the model.
        objectives: Names in `model.objectives` that are needed.

    Raises:
        JointError: When the device cannot be used, the config has no model, or the checkpoint
            cannot be read or does not fit.
    """
    _check_device(device)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    if not cfg.get('model'):
        raise JointError(f'The config {cfg.filename or ""} has no model, which is needed.')
    config = copy.deepcopy(cfg.model)
    present = {name: own for name, own in (config.get('objectives') or {}).items() if own}
    # a teacher that is evaluated in place of the segmentor
    evaluated = [name for name, own in present.items() if own.get('evaluate') == 'teacher']
    objectives = {*objectives, *evaluated}
    for name in present:
        if name not in objectives:
            config.objectives[name] = None
    model = MODELS.build(config)
    kept = tuple(f'objectives.{name}.' for name in objectives)
    found = read_checkpoint(checkpoint).items()
    state = {k: v for k, v in found if not k.startswith('objectives.') or k.startswith(kept)}
    check_fit(model.state_dict(), state, checkpoint, cfg.filename or 'the config')
    model.load_state_dict(state)
    return model.to(device).eval()


def check_checkpoint(cfg: Config, model: nn.Module, task: str) -> None:
    """Refuse a config's checkpoint if it cannot be read or does not fit the model.

    mmengine itself only warns of missing entries: a model is then tested, or trained further, with
    random weights. What was read is kept for mmengine, which asks for it next.

    Args:
        cfg: The whole config, with `load_from`.
        model: The model, perhaps wrapped.
        task: `'train'`: with `resume`, exactly the same entries and a training state are required,
            otherwise at least one entry that fits. `'test'`: all that predicting needs.

    Raises:
        JointError: When it cannot be read, or does not fit.
    """
    path = cfg.get('load_from')
    if not path:
        return
    content = read_content(path, keep=True)
    model = unwrapped(model)
    state, own = tensors_of(content, path), model.state_dict()
    state = {key.removeprefix('module.'): value for key, value in state.items()}
    config = cfg.filename or 'the config'
    if task == 'train' and not cfg.get('resume'):
        if not any(key in state and state[key].shape == own[key].shape for key in own):
            raise JointError(
                f"load_from={path!r} fits none of the model's {len(own)} entries: give the "
                'checkpoint of this network, or load_from=None.'
            )
        return
    if task == 'train':
        _check_training_state(content, path, bool(cfg.get('param_scheduler')))
        _check_length(content['meta'].get('iter', 0), path, cfg)
    else:  # other heads do not matter, and of the objectives only one that predicts
        parts = model.named_modules()
        needed = tuple(f'{n}.' for n, part in parts if getattr(part, 'evaluated', None) is not None)
        own = {
            k: v for k, v in own.items() if k.startswith(needed) or not k.startswith('objectives.')
        }
        state = {key: value for key, value in state.items() if key in own}
    check_fit(own, state, path, config)


def check_fit(
    own: Mapping[str, Tensor], state: Mapping[str, Tensor], checkpoint: str, config: str
) -> None:
    """Refuse a checkpoint whose entries are not a model's own; the error names the files.

    Raises:
        JointError: When the names or shapes differ.
    """
    shared = own.keys() & state.keys()
    faults = {
        'lacks': [key for key in own if key not in state],
        'has in another shape': [k for k in own if k in shared and own[k].shape != state[k].shape],
        'has besides': [key for key in state if key not in own],
    }
    for verb, keys in faults.items():
        if keys:
            shown = ', '.join(keys[:MAX_NAMES]) + (', …' if len(keys) > MAX_NAMES else '')
            raise JointError(
                f'The checkpoint {checkpoint} does not fit {config}: it {verb} {len(keys)} of '
                f"the model's entries ({shown}); give the config it was trained with."
            )


def name_absent_objectives_once(model: nn.Module, keys: Any) -> None:
    """Make a warning of missing entries name an objective, not each of its hundred entries."""
    own, missing = (
        Counter('.'.join(key.split('.', 2)[:2]) for key in names if key.startswith('objectives.'))
        for names in (model.state_dict(), keys.missing_keys)
    )
    for name, count in missing.items():
        if count == own[name]:
            keys.missing_keys[:] = [x for x in keys.missing_keys if not x.startswith(f'{name}.')]
            keys.missing_keys.append(f'{name}.* ({count} entries)')


def _check_training_state(content: Any, path: str, scheduled: bool) -> None:
    """Refuse what mmengine could not resume, or only without schedules and scores."""
    kinds: dict[str, Any] = {'meta': dict, 'optimizer': dict, 'message_hub': dict}
    if scheduled:
        kinds['param_schedulers'] = (list, dict)
    if isinstance(content.get('meta'), dict):
        kinds.update({'meta.iter': int, 'meta.epoch': int})
    missing = [key for key, kind in kinds.items() if not isinstance(value_of(content, key), kind)]
    if missing:
        raise JointError(
            f'The checkpoint {path} has no {", ".join(missing)} to go on from: give one that a '
            'training wrote, or start anew from its weights with load_from.'
        )
    if 'config' in content['meta']:  # from mmcv 1; mmengine would run it as Python
        raise JointError(
            f'The checkpoint {path} has the code of a config in meta.config, and no code of a file '
            'is run: start anew from its weights with load_from.'
        )


def _check_length(done: int, path: str, cfg: Config) -> None:
    length = (cfg.get('train_cfg') or {}).get('max_iters')
    if length and done > length:
        raise JointError(
            f'The checkpoint {path} is at iteration {done}, and train_cfg.max_iters is {length}: '
            'nothing is left to train, so raise it, or test the checkpoint.'
        )


def _check_device(device: str) -> None:
    try:
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise JointError(
            f'--device {device} cannot be used ({reason_of(error)}): give cpu, or cuda where '
            '`python -m mmseg_joint.doctor` lists a GPU.'
        ) from error
