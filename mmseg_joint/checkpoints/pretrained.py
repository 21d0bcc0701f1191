from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmengine.logging import print_log
from mmengine.model import BaseModule, PretrainedInit
from torch import Tensor, nn

from mmseg_joint.checkpoints.read import read_checkpoint
from mmseg_joint.errors import JointError

MAX_NAMES = 6  # names shown per side before an ellipsis

# He's normal distribution, which keeps the variance of the activations from layer to layer.
KAIMING_FAN_IN = {'type': 'Kaiming', 'layer': 'Conv2d', 'mode': 'fan_in'}


class PretrainedMixin(BaseModule):
    """Loads every parameter that fits of `init_cfg=dict(type='Pretrained', …)`, and logs how many.

    mmengine's own loading is silent when not a single key fits, and cannot convert a network's
    other names. All other initializers run first, as in mmengine.

    Attributes:
        config_key: The module's key in a config, for the log and the errors.
        default_init: Initializers that run before those of `init_cfg`, whatever it says.
    """

    config_key = 'model.backbone'
    default_init: Sequence[dict] = ()
    init_cfg: Any  # mmengine's

    def init_weights(self) -> None:
        """Run `default_init` and the plain initializers of `init_cfg`, then load its files."""
        given, first_call = self.init_cfg, not self.is_init
        plain = [cfg for cfg in as_list(given) if not is_pretrained(cfg)]
        self.init_cfg = [*self.default_init, *plain]
        super().init_weights()
        self.init_cfg = given
        for cfg in pretrained_cfgs(self) if first_call else ():
            fitting = fitting_weights(self, cfg, self.config_key, 'loaded')
            self.load_state_dict(fitting, strict=False)

    def convert_pretrained(self, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Translate a file's names and shapes into the module's own; override it if they differ."""
        return dict(state_dict)


def check_pretrained(module: nn.Module, name: str = 'model.backbone') -> None:
    """Refuse a `Pretrained` init_cfg that mmengine would silently skip.

    For networks that load their own files (any mmseg backbone). Nothing is loaded; names and
    shapes are compared, and one line logs how many parameters the file fits. Networks with
    `PretrainedMixin` are left alone, because they check as they load.

    Args:
        module: The network, before `init_weights`.
        name: Its config key, for the log and the errors.

    Raises:
        JointError: As :func:`fitting_weights`.
    """
    if isinstance(module, PretrainedMixin) or getattr(module, '_is_init', False):
        return  # mmengine loads nothing into an initialized module
    for cfg in pretrained_cfgs(module):
        fitting_weights(module, cfg, name)


def fitting_weights(
    module: nn.Module, cfg: dict[str, Any], name: str, verb: str = 'will load'
) -> dict[str, Tensor]:
    """Read the entries of a weights file that fit a network in name and shape, and log how many do.

    Args:
        module: The network.
        cfg: An entry of its `init_cfg`: `checkpoint` is a path, an `https://` address or any scheme
            that mmengine knows; only names under `prefix` are read, and it is cut off.
        name: The network's config key, for the log and the errors.
        verb: What the log says about the entries.

    Raises:
        JointError: When the file is absent, cannot be downloaded or read, or fits no parameter.
    """
    checkpoint, key = cfg['checkpoint'], f'{name}.init_cfg.checkpoint'
    remedy = (
        f'give {key} the path of a weights file, or set {name}.init_cfg=None to train from scratch'
    )
    found = read_checkpoint(checkpoint, f'{key}={checkpoint!r}', remedy)
    state = {key.removeprefix('module.'): value for key, value in found.items()}  # distributed
    prefix = cfg.get('prefix') or ''
    if prefix and not prefix.endswith('.'):
        prefix += '.'
    state = {k[len(prefix) :]: value for k, value in state.items() if k.startswith(prefix)}
    if isinstance(module, PretrainedMixin):
        state = module.convert_pretrained(state)
    elif type(module).init_weights is not BaseModule.init_weights:
        # Swin, ViT and the like strip this prefix in their own init_weights.
        state = {key.removeprefix('backbone.'): value for key, value in state.items()}
    own = module.state_dict()
    fitting = {k: v for k, v in state.items() if k in own and v.shape == own[k].shape}
    if not fitting:
        raise JointError(
            f'no parameter of {name} ({type(module).__name__}: {_shapes(own)}) fits '
            f'{checkpoint!r} ({_shapes(state) or "nothing under init_cfg.prefix"}): give '
            f'{key} the weights of this network, name their place in the '
            f'file with init_cfg.prefix, or set {name}.init_cfg=None to train from scratch.'
        )
    message = f'{name}: {verb} {len(fitting)} of {len(own)} parameters from {checkpoint}'
    left = [f'{key} ({_why_left(own[key], state.get(key))})' for key in own if key not in fitting]
    if left:
        message += f'; left at initialization: {", ".join(left)}'
    unused = [key for key in state if key not in own]
    if unused:
        message += f'; in the file but not in the network: {_shorten(unused)}'
    print_log(message, logger='current', level=logging.WARNING if left else logging.INFO)
    return fitting


def pretrained_cfgs(module: nn.Module) -> list[dict]:
    """Return the `Pretrained` entries of a module's `init_cfg` (a dict, a list or None)."""
    return [cfg for cfg in as_list(getattr(module, 'init_cfg', None)) if is_pretrained(cfg)]


def as_list(given: dict | list[dict] | None) -> list[dict]:
    """Return a config's dict, list of dicts or None as a list."""
    return [given] if isinstance(given, dict) else list(given or ())


def is_pretrained(cfg: Any) -> bool:
    """Return whether an initializer's config loads a file."""
    kind = cfg.get('type') if isinstance(cfg, dict) else None
    if isinstance(kind, str):
        kind = kind.split('.')[-1]  # it may have a scope in front
    return kind in ('Pretrained', 'PretrainedInit', PretrainedInit)


def _why_left(own: Tensor, found: Tensor | None) -> str:
    if found is None:
        return 'not in the file'
    return f'shape {tuple(found.shape)} in the file, {tuple(own.shape)} here'


def _shapes(state: Mapping[str, Tensor]) -> str:
    return _shorten(f'{key} {tuple(value.shape)}' for key, value in state.items())


def _shorten(names: Iterable[str]) -> str:
    names = list(names)
    return ', '.join(names[:MAX_NAMES]) + (', …' if len(names) > MAX_NAMES else '')
