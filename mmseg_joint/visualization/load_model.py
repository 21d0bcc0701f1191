from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_joint.errors import JointError
from mmseg_joint.models.pretrained import read_checkpoint

MAX_NAMES = 3  # parameters named in an error


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
        JointError: The checkpoint cannot be read or does not fit.
    """
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
    _check_fit(model.state_dict(), state, checkpoint, cfg.filename or 'the config')
    model.load_state_dict(state)
    return model.to(device).eval()


def _check_fit(
    own: dict[str, Tensor], state: dict[str, Tensor], checkpoint: str, config: str
) -> None:
    faults = {
        'lacks': [key for key in own if key not in state],
        'has in another shape': [
            key for key in own if key in state and own[key].shape != state[key].shape
        ],
        'has besides': [key for key in state if key not in own],
    }
    for verb, keys in faults.items():
        if keys:
            shown = ', '.join(keys[:MAX_NAMES]) + (', …' if len(keys) > MAX_NAMES else '')
            raise JointError(
                f'The checkpoint {checkpoint} does not fit {config}: it {verb} {len(keys)} of '
                f"the model's entries ({shown}); give the config it was trained with."
            )
