"""Checks of the built model: do its channels and classes fit?"""

from __future__ import annotations

from typing import Any

from mmengine.config import Config
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_joint.errors import JointError
from mmseg_joint.utils.unwrapped import unwrapped


def check_classes(model: nn.Module, dataset: Any, key: str) -> None:
    """Refuse data with more or fewer classes than the model predicts."""
    model = unwrapped(model)
    predicted = getattr(model, 'num_classes', None)
    parts = getattr(dataset, 'domains', None)
    named = {key: dataset}
    if isinstance(parts, dict):
        named = {f'{key}.domains.{name}': part for name, part in parts.items()}
    for place, part in named.items():
        classes = (getattr(part, 'metainfo', None) or {}).get('classes')
        labeled = getattr(part, 'labeled', True)
        if predicted and classes and labeled and len(classes) != predicted:
            raise JointError(
                f'{place} has {len(classes)} classes but model.decode_head.num_classes is '
                f'{predicted}: make them equal.'
            )


def watch_channels(cfg: Config, model: nn.Module) -> None:
    """Make the first call of every convolution report channels that do not fit.

    How many a network gets is known only when it is called: a backbone's maps depend on its
    arguments, a discriminator's on the objective.

    Args:
        cfg: The whole config; with `compile`, nothing is watched.
        model: The model, perhaps wrapped. The first call raises :class:`JointError` when a network
            gets another number of channels than it is made for; afterwards nothing is watched.
    """
    model = unwrapped(model)
    modules = {} if cfg.get('compile') else dict(model.named_modules())
    for name, module in modules.items():
        if type(module) in (nn.Conv2d, nn.ConvTranspose2d):
            network = name
            while network and type(modules[network]).__name__ not in MODELS.module_dict:
                network = network.rpartition('.')[0]
            key = f'model.{network} ({type(modules[network]).__name__})'
            _watch(module, key)


def _watch(module: nn.Module, key: str) -> None:
    def compare(module: Any, inputs: tuple[Tensor, ...]) -> None:
        handle.remove()
        expected, given = module.in_channels, inputs[0].shape[-3]
        if given != expected:
            raise JointError(
                f'{key} is made for {expected} channels and given {given}: set its in_channels to '
                f'{given}.'
            )

    handle = module.register_forward_pre_hook(compare)
