from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.logging import MMLogger
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS, OPTIMIZERS
from torch import nn

from mmseg_joint.errors import JointError
from mmseg_joint.utils.unwrapped import unwrapped

from .joined_groups import join_groups_in_steps

SHARED_KEYS = ('dtype', 'accumulative_counts', 'loss_scale')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class JointOptimWrapperConstructor:
    """Builds one optimizer for each network named in the config.

    `segmentor` stands for everything that is not an objective's; any other key is an objective's
    name, and may hold a dict of the objective's networks instead of an optimizer::

        optim_wrapper = dict(
            constructor='JointOptimWrapperConstructor',
            segmentor=dict(optimizer=dict(type='Adam', lr=1e-4), clip_grad=dict(max_norm=10)),
            weighting=dict(optimizer=dict(type='Adam', lr=1e-4)),
            gan=dict(generator=dict(optimizer=...), discriminator=dict(optimizer=...)))

    Each optimizer's dict takes what mmengine's takes: `optimizer`, `paramwise_cfg`, `clip_grad`,
    `constructor`. A key set to None counts as deleted. Next to the networks go
    the keys that all share: `dtype`, `accumulative_counts` and `loss_scale` of
    :class:`JointOptimWrapper`.

    Args:
        optim_wrapper_cfg: The dict above.
        paramwise_cfg: Refused here; it belongs to one network.

    Raises:
        JointError: When the dict names no optimizer, or has `paramwise_cfg` next to the networks.
    """

    def __init__(
        self, optim_wrapper_cfg: dict[str, Any], paramwise_cfg: dict[str, Any] | None = None
    ) -> None:
        if paramwise_cfg:
            raise JointError(
                'optim_wrapper.paramwise_cfg belongs to one network: move it to '
                'optim_wrapper.segmentor.paramwise_cfg.'
            )
        if 'optimizer' in optim_wrapper_cfg:
            raise JointError(
                'optim_wrapper.optimizer: JointOptimWrapperConstructor wants one optimizer for '
                'each network: write optim_wrapper.segmentor.optimizer (in a child config, '
                'replace the whole dict with _delete_=True).'
            )
        self.kind = optim_wrapper_cfg.get('type') or 'JointOptimWrapper'
        given = {key: optim_wrapper_cfg.get(key) for key in SHARED_KEYS}
        self.shared = {key: value for key, value in given.items() if value is not None}
        self.networks = networks_of(optim_wrapper_cfg)

    def __call__(self, model: nn.Module) -> Any:
        """Build the optimizers of a segmentor as a :class:`JointOptimWrapper`.

        Raises:
            JointError: When a key names no network, two keys name the same parameter, or a
                trainable parameter is left out.
        """
        model = unwrapped(model)
        modules = {name: _find(model, name) for name in self.networks}
        _check_coverage(model, modules)
        optim_wrappers = {
            name: _build(modules[name], config, f'optim_wrapper.{name}')
            for name, config in self.networks.items()
        }
        device = next(model.parameters()).device.type
        config = {'type': self.kind, 'device_type': device, **self.shared, **optim_wrappers}
        wrapper = OPTIM_WRAPPERS.build(config)
        objectives = getattr(model, 'objectives', {}).values()
        wrapper.before_train = [objective.before_train for objective in objectives]
        wrapper.after_step = [objective.after_optimizer_step for objective in objectives]
        return wrapper


def networks_of(optim_wrapper_cfg: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """List the networks that a config gives optimizers to.

    Returns:
        Network's dotted name, like `gan.generator` -> its optimizer wrapper's config.

    Raises:
        JointError: When a network's value is not a dict with an optimizer.
    """
    other = ('type', 'constructor', *SHARED_KEYS)
    return _flatten({key: value for key, value in optim_wrapper_cfg.items() if key not in other})


def _flatten(config: dict[str, Any], prefix: str = '') -> dict[str, dict[str, Any]]:
    flat: dict[str, dict[str, Any]] = {}
    for key, value in config.items():
        name = f'{prefix}{key}'
        if value is None:
            continue
        if not isinstance(value, dict) or not value:
            raise JointError(
                f'optim_wrapper.{name} is {value!r}: it must be a dict with an optimizer, like '
                "dict(optimizer=dict(type='Adam', lr=1e-4))."
            )
        nested = value
        if 'optimizer' in value:
            nested = {key: inner for key, inner in value.items() if _names_network(key, inner)}
            flat[name] = {key: inner for key, inner in value.items() if key not in nested}
            for shared in (key for key in SHARED_KEYS if key in flat[name]):
                raise JointError(
                    f'optim_wrapper.{name}.{shared} is shared by all networks: move it to '
                    f'optim_wrapper.{shared}.'
                )
        flat.update(_flatten(nested, f'{name}.'))
    return flat


def _names_network(key: str, value: Any) -> bool:
    return key != 'optimizer' and isinstance(value, dict) and 'optimizer' in value


def _find(model: nn.Module, name: str) -> nn.Module:
    if name == 'segmentor':
        return _segmentor(model)
    try:
        module = model.get_submodule(f'objectives.{name}')
    except AttributeError:
        known = ['segmentor', *getattr(model, 'objectives', {})]
        raise JointError(
            f'optim_wrapper.{name} matches no network of the model, which has '
            f'{", ".join(known)}: rename the key, or set it to None to delete it.'
        ) from None
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise JointError(
            f'optim_wrapper.{name} matches no trainable parameter: set the key to None.'
        )
    return module


def _segmentor(model: nn.Module) -> nn.Module:
    """View the model without its objectives, under the same parameter names."""
    view = nn.Module()
    for name, parameter in model.named_parameters(recurse=False):
        view.register_parameter(name, parameter)
    for name, child in model.named_children():
        if name != 'objectives':
            view.add_module(name, child)
    return view


def _check_coverage(model: nn.Module, modules: dict[str, nn.Module]) -> None:
    named = {parameter: name for name, parameter in model.named_parameters()}
    owners: dict[nn.Parameter, str] = {}
    for name, module in modules.items():
        for parameter in module.parameters():
            other = owners.setdefault(parameter, name)
            if other != name:
                raise JointError(
                    f'optim_wrapper.{other} and optim_wrapper.{name} both hold the parameter '
                    f'{named[parameter]}: two optimizers would step it; delete one key.'
                )
    left_out = [name for p, name in named.items() if p.requires_grad and p not in owners]
    if left_out:
        raise JointError(
            f'{len(left_out)} trainable parameters have no optimizer ({", ".join(left_out[:3])}'
            f'{", …" if len(left_out) > 3 else ""}): add {_missing_key(left_out[0], modules)}.'
        )


def _missing_key(parameter: str, modules: dict[str, nn.Module]) -> str:
    """Return the key that would give a parameter an optimizer."""
    kind, objective, *inner = parameter.split('.')
    if kind != 'objectives':
        return 'optim_wrapper.segmentor'
    # if the objective's other networks have their own keys, so does this one
    divided = any(name.startswith(f'{objective}.') for name in modules)
    return f'optim_wrapper.{objective}{f".{inner[0]}" if divided else ""}'


def _build(module: nn.Module, config: dict[str, Any], key: str) -> Any:
    config = dict(config)
    kind = (config.get('optimizer') or {}).get('type')
    if isinstance(kind, str) and OPTIMIZERS.get(kind) is None:
        raise JointError(
            f'{key}.optimizer.type is "{kind}", which is not an optimizer: correct it.'
        )
    try:
        with _one_line_of_options(key):
            built = OPTIM_WRAPPER_CONSTRUCTORS.build(
                {
                    'type': config.pop('constructor', 'DefaultOptimWrapperConstructor'),
                    'paramwise_cfg': config.pop('paramwise_cfg', None),
                    'optim_wrapper_cfg': {'type': 'OptimWrapper', **config},
                }
            )(module)
    except JointError:
        raise
    except (TypeError, ValueError, AssertionError) as error:  # PyTorch's, for a bad value
        raise JointError(f'{key} cannot be built ({error}): correct the value.') from error
    join_groups_in_steps(built.optimizer)
    return built


@contextmanager
def _one_line_of_options(key: str) -> Iterator[None]:
    """Log only how many parameters have their own options; mmengine lists hundreds of them."""
    logger, names = MMLogger.get_current_instance(), set()

    def is_other(record: logging.LogRecord) -> bool:
        found = re.match(r'paramwise_options -- (\S+):', record.getMessage())
        if found:
            names.add(found[1])
        return not found

    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)
    if names:
        logger.info(f'{key}.paramwise_cfg sets options of {len(names)} parameters.')
