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
    """Lets a `BaseModule` load `init_cfg=dict(type='Pretrained', …)` through `load_pretrained`.

    mmengine's own loading is silent when not a single key fits, and cannot convert a network's
    other names (`convert_pretrained`). All other initializers run first, as in mmengine.

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
            device, prefix = cfg.get('map_location', 'cpu'), cfg.get('prefix') or ''
            load_pretrained(self, cfg['checkpoint'], prefix, device, self.config_key)


def load_pretrained(
    module: nn.Module,
    checkpoint: str,
    prefix: str = '',
    map_location: str = 'cpu',
    name: str = 'model.backbone',
) -> None:
    """Load every parameter of a file that fits a module, and log how many did.

    A module with a method `convert_pretrained(state_dict) -> state_dict` first translates the
    file's names and shapes into its own.

    Args:
        module: The network; changed in place.
        checkpoint: Path, `https://` address or any scheme that mmengine knows.
        prefix: Only keys with this prefix are read, and the prefix is cut off; `''` reads all.
        map_location: Device to which the file is read.
        name: Config key of the module, for the log and the errors.

    Raises:
        JointError: When the file is absent, cannot be downloaded or read, or fits no parameter.
    """
    state = _read(checkpoint, map_location, name, prefix)
    if hasattr(module, 'convert_pretrained'):
        state = module.convert_pretrained(state)
    own = module.state_dict()
    module.load_state_dict(_require_fitting(own, state, module, checkpoint, name), strict=False)


def check_pretrained(module: nn.Module, name: str = 'model.backbone') -> None:
    """Refuse a `Pretrained` init_cfg that mmengine would silently skip.

    For networks that load their own files (any mmseg backbone). Nothing is loaded; names and
    shapes are compared, and one line logs how many parameters the file fits. Networks with
    `PretrainedMixin` are left alone, because they check as they load.

    Args:
        module: The network, before `init_weights`.
        name: Its config key, for the log and the errors.

    Raises:
        JointError: As `load_pretrained`.
    """
    if isinstance(module, PretrainedMixin) or getattr(module, '_is_init', False):
        return  # mmengine loads nothing into an initialized module
    own = module.state_dict()
    for cfg in pretrained_cfgs(module):
        checkpoint = cfg['checkpoint']
        device, prefix = cfg.get('map_location', 'cpu'), cfg.get('prefix') or ''
        state = _read(checkpoint, device, name, prefix)
        if type(module).init_weights is not BaseModule.init_weights:
            # Swin, ViT and the like strip this prefix in their own init_weights.
            state = {key.removeprefix('backbone.'): value for key, value in state.items()}
        _require_fitting(own, state, module, checkpoint, name, verb='will load')


def pretrained_cfgs(module: nn.Module) -> list[dict]:
    """Return the `Pretrained` entries of a module's `init_cfg` (a dict, a list or None)."""
    return [cfg for cfg in as_list(getattr(module, 'init_cfg', None)) if is_pretrained(cfg)]


def as_list(given: dict | list[dict] | None) -> list[dict]:
    """Return a config's dict, list of dicts or None as a list."""
    return [given] if isinstance(given, dict) else list(given or ())


def is_pretrained(cfg: dict) -> bool:
    """Return whether an initializer's config loads a file."""
    kind = cfg['type']
    if isinstance(kind, str):
        kind = kind.split('.')[-1]  # it may have a scope in front
    return kind in ('Pretrained', 'PretrainedInit', PretrainedInit)


def _read(checkpoint: str, map_location: str, name: str, prefix: str) -> dict[str, Tensor]:
    """Read a file, without a distributed wrapper's `module.`, and take what is under `prefix`."""
    key = f'{name}.init_cfg.checkpoint'
    remedy = (
        f'give {key} the path of a weights file, or set {name}.init_cfg=None to train from scratch'
    )
    found = read_checkpoint(checkpoint, map_location, f'{key}={checkpoint!r}', remedy)
    state = {key.removeprefix('module.'): value for key, value in found.items()}
    if prefix and not prefix.endswith('.'):
        prefix += '.'
    return {k[len(prefix) :]: value for k, value in state.items() if k.startswith(prefix)}


def _require_fitting(
    own: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    module: nn.Module,
    checkpoint: str,
    name: str,
    verb: str = 'loaded',
) -> dict[str, Tensor]:
    """Return and log the entries that fit the module in name and shape; refuse a file without."""
    fitting = {k: v for k, v in state.items() if k in own and v.shape == own[k].shape}
    if not fitting:
        raise JointError(
            f'no parameter of {name} ({type(module).__name__}: {_shapes(own)}) fits '
            f'{checkpoint!r} ({_shapes(state) or "nothing under init_cfg.prefix"}): give '
            f'{name}.init_cfg.checkpoint the weights of this network, name their place in the '
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


def _why_left(own: Tensor, found: Tensor | None) -> str:
    if found is None:
        return 'not in the file'
    return f'shape {tuple(found.shape)} in the file, {tuple(own.shape)} here'


def _shapes(state: Mapping[str, Tensor]) -> str:
    return _shorten(f'{key} {tuple(value.shape)}' for key, value in state.items())


def _shorten(names: Iterable[str]) -> str:
    names = list(names)
    return ', '.join(names[:MAX_NAMES]) + (', …' if len(names) > MAX_NAMES else '')
