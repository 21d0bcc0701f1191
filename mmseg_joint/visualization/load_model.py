from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from mmseg_joint.errors import JointError
from mmseg_joint.models.checkpoint_fit import check_fit
from mmseg_joint.models.checkpoint_reading import read_checkpoint


def config_value(cfg: Config, key: str) -> Any:
    """Read a value deep in a config.

    Args:
        cfg: The whole config.
        key: Its dotted name.

    Returns:
        The value.

    Raises:
        JointError: The config has no such key.
    """
    value: Any = cfg
    for part in key.split('.'):
        value = value.get(part) if hasattr(value, 'get') else None
        if value is None:
            raise JointError(f'The config {cfg.filename or ""} has no {key}, which is drawn from.')
    return value


def load_model(
    cfg: Config, checkpoint: str, device: str = 'cpu', objectives: Collection[str] = ()
) -> nn.Module:
    """Build a config's model with a checkpoint's weights, ready to predict.

    Nothing is initialised, so no pretrained file is looked for. Objectives that are not named are
    neither built nor read; everything else must be the same in both.

    Args:
        cfg: The whole config.
        checkpoint: A file written in training.
        device: Where the model goes.
        objectives: Names in `model.objectives` that are needed.

    Returns:
        The model, in evaluation mode.

    Raises:
        JointError: The device cannot be used, or the checkpoint cannot be read or does not fit.
    """
    check_device(device)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    config = copy.deepcopy(config_value(cfg, 'model'))
    for name in config.get('objectives') or {}:
        if name not in objectives:
            config.objectives[name] = None
    model = MODELS.build(config)
    kept = tuple(f'objectives.{name}.' for name in objectives)
    state = {
        key: value
        for key, value in read_checkpoint(checkpoint).items()
        if not key.startswith('objectives.') or key.startswith(kept)
    }
    check_fit(model.state_dict(), state, checkpoint, cfg.filename or 'the config')
    model.load_state_dict(state)
    return model.to(device).eval()


def check_device(device: str) -> None:
    """Refuse a device that torch does not know or cannot reach.

    Args:
        device: What `--device` names.

    Raises:
        JointError: It is one.
    """
    try:
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().split('\n')[0].rstrip('. ') or type(error).__name__
        raise JointError(
            f'--device {device} cannot be used ({reason}): give cpu, or cuda where '
            '`python -m mmseg_joint.doctor` lists a GPU.'
        ) from error
