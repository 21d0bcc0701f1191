from __future__ import annotations

from typing import Any

from mmengine.config import Config
from torch import nn

from mmseg_joint.errors import JointError
from mmseg_joint.models.checkpoint_fit import check_fit
from mmseg_joint.models.checkpoint_reading import read_content, tensors_of


def check_checkpoint(cfg: Config, model: nn.Module, task: str) -> None:
    """Refuse the checkpoint of a config that cannot be read or is not of the model.

    mmengine itself runs the code of a file that holds more than tensors, and warns where entries
    are missing: a model is then tested, or trained on, with weights drawn at random.

    Args:
        cfg: The whole config, with `load_from`.
        model: The model, perhaps wrapped.
        task: `'resume'` wants the very same entries and the state of a training, `'test'` all that
            predicting needs, and `'start'` at least one that fits.

    Raises:
        JointError: It cannot be read, or does not fit.
    """
    path = cfg.get('load_from')
    if not path:
        return
    content = read_content(path)
    while isinstance(getattr(model, 'module', None), nn.Module):  # distributed, or augmented tests
        model = model.module
    state, own = tensors_of(content, path), model.state_dict()
    state = {key.removeprefix('module.'): value for key, value in state.items()}
    config = cfg.filename or 'the config'
    if task == 'start':
        if not any(key in state and state[key].shape == own[key].shape for key in own):
            raise JointError(
                f"load_from={path!r} fits none of the model's {len(own)} entries: give the "
                'checkpoint of this network, or load_from=None.'
            )
        return
    if task == 'resume':
        _check_training_state(content, path, bool(cfg.get('param_scheduler')))
    else:  # other heads and the objectives take no part
        own = {key: value for key, value in own.items() if not key.startswith('objectives.')}
        state = {key: value for key, value in state.items() if key in own}
    check_fit(own, state, path, config)


def _check_training_state(content: Any, path: str, scheduled: bool) -> None:
    """Refuse what mmengine could not go on from, or only without schedules and scores."""
    kinds: dict[str, Any] = {'meta': dict, 'optimizer': dict, 'message_hub': dict}
    if scheduled:
        kinds['param_schedulers'] = (list, dict)
    if isinstance(content.get('meta'), dict):
        kinds.update({'meta.iter': int, 'meta.epoch': int})
    missing = [key for key, kind in kinds.items() if not isinstance(_entry(content, key), kind)]
    if missing:
        raise JointError(
            f'The checkpoint {path} has no {", ".join(missing)} to go on from: give one that a '
            'training wrote, or start anew from its weights with load_from.'
        )


def _entry(content: Any, key: str) -> Any:
    part, _, inner = key.partition('.')
    return content.get(part) if not inner else _entry(content.get(part), inner)
