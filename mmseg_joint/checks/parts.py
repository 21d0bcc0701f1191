"""Checks of the parts of a config that are built from a `type`: do their registries know them?"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from difflib import get_close_matches
from inspect import signature
from itertools import chain
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.dataset import ClassBalancedDataset
from mmengine.registry import Registry
from mmseg import registry as registries

from mmseg_joint.datasets.sample_checks import explain_no_images
from mmseg_joint.errors import JointError, reason_of
from mmseg_joint.utils.walk import value_of

BUILT = {'train': ('train', 'val'), 'test': ('test',)}  # the data loaders of each task
# what mmengine passes besides the config, and where it has a default for a missing `type`
GIVEN = {
    'loop': ('runner', 'dataloader', 'evaluator'),
    'data sampler': ('dataset', 'seed'),
    'vis_backend': ('save_dir',),
}
HAVE_DEFAULT = ('model.data_preprocessor', 'visualizer', 'train_cfg', 'val_cfg', 'test_cfg')
BESIDE_ARGUMENTS = ('type', '_scope_', 'priority')
# building these once more has no effect but their errors
HARMLESS = ('model', 'dataset', 'transform', 'hook', 'metric')
REFUSALS = (KeyError, TypeError, ValueError, AssertionError)


class Part(NamedTuple):
    """A part of a config that mmengine builds."""

    key: str  #: its dotted key
    value: Any  #: what the config has there
    registry: Registry  #: where its `type` is looked up

    @property
    def kind(self) -> Any:
        """Its class or function; anything else if there is none by that name."""
        kind = self.value['type']
        return self.registry.get(kind) if isinstance(kind, str) else kind


def check_parts(cfg: Config, task: str) -> None:
    """Look up every `type` that a task builds, and compare the arguments with what it takes.

    A class that passes unknown arguments on to another shows mistakes only when it is built.
    """
    for part in parts_of(cfg, task):
        value = part.value
        if value is None or isinstance(value, (str, int, float)):
            raise JointError(f'{part.key} is {value!r} where dict(type=…) is needed: correct it.')
        if not isinstance(value, dict) or ('type' not in value and part.key in HAVE_DEFAULT):
            continue
        if 'type' not in value:
            raise JointError(
                f'{part.key} is a dict of {", ".join(map(str, value)) or "nothing"}, which needs a '
                'type: add the key.'
            )
        if not callable(part.kind):
            raise JointError(_unknown(part))
        if part.kind is ClassBalancedDataset:
            raise JointError(
                f'{part.key} is a ClassBalancedDataset, which does not know the classes of label '
                'maps: take its dataset alone, and draw rare classes more often with rare_classes '
                'of train_dataloader.dataset (RareClassSampling).'
            )
        _check_arguments(part)


def _check_arguments(part: Part) -> None:
    try:
        expected = signature(part.kind)
    except ValueError:  # a class that is not written in Python
        return
    given = [name for name in GIVEN.get(part.registry.name, ()) if name in expected.parameters]
    values = {name: x for name, x in part.value.items() if name not in BESIDE_ARGUMENTS}
    try:
        expected.bind(**{**dict.fromkeys(given), **values})
    except TypeError as error:
        raise JointError(f'{_named(part)}, but {error}: correct the key.') from error


def check_refusal(cfg: Config, task: str, error: Exception) -> None:
    """Find the part of a config that failed to build, by building the parts one by one.

    Raises:
        JointError: When building a part on its own raises the same error; names the smallest one.
    """
    check_parts(cfg, task)
    if not isinstance(error, REFUSALS):
        return
    for part in reversed(list(parts_of(cfg, task))):  # from the inside out
        if part.registry.name in HARMLESS and isinstance(part.value, dict):
            try:
                build(part)
            except Exception as again:
                if type(again) is type(error) and again.args == error.args:
                    reason = reason_of(error)
                    if part.registry is registries.DATASETS and 'concatenate' in reason:
                        reason = explain_no_images(part.value)
                    raise JointError(f'{_named(part)}, but {reason}: correct it.') from error


def build(part: Part) -> Any:
    """Build a part on its own, and leave no file behind."""
    value = copy.deepcopy(part.value)
    if part.registry is registries.METRICS:
        value.pop('output_dir', None)  # the metric would make the folder
    return part.registry.build(value)


def parts_of(cfg: Config, task: str) -> Iterator[Part]:
    """List what training or testing builds; a part comes before those within it."""
    if (cfg.get('default_scope') or 'mmseg') != 'mmseg':
        return  # its registries are not known here
    model = (
        'model',
        *(
            f'model.{name}'
            for name in ('data_preprocessor', 'backbone', 'neck', 'decode_head', 'auxiliary_head')
        ),
    )
    for key in model:
        yield from _listed(cfg, key, registries.MODELS)
    for name in ('backbone', 'decode_head'):
        if (cfg.get('model') or {}).get(name, {}) is None:  # every segmentor needs it
            yield Part(f'model.{name}', None, registries.MODELS)
    for name in BUILT[task]:
        key = f'{name}_dataloader'
        yield from _datasets(value_of(cfg, f'{key}.dataset'), f'{key}.dataset')
        yield from _listed(cfg, f'{key}.sampler', registries.DATA_SAMPLERS)
        yield from _listed(cfg, f'{name}_cfg', registries.LOOPS)
        evaluator = f'{name}_evaluator'
        key = f'{evaluator}.metrics' if value_of(cfg, f'{evaluator}.metrics') else evaluator
        yield from _listed(cfg, key, registries.METRICS)
    for name in cfg.get('default_hooks') or ():
        yield from _listed(cfg, f'default_hooks.{name}', registries.HOOKS)
    yield from _listed(cfg, 'custom_hooks', registries.HOOKS)
    yield from _listed(cfg, 'visualizer', registries.VISUALIZERS)
    yield from _listed(cfg, 'visualizer.vis_backends', registries.VISBACKENDS)


def _listed(cfg: Config, key: str, registry: Registry) -> Iterator[Part]:
    """Yield one part, or those of a list."""
    value = value_of(cfg, key)
    if isinstance(value, (list, tuple)):
        yield from (Part(f'{key}.{i}', item, registry) for i, item in enumerate(value))
    elif value is not None:
        yield Part(key, value, registry)


def _datasets(node: Any, key: str) -> Iterator[Part]:
    """Yield a dataset, or those of a list, and the datasets and the pipeline within."""
    if isinstance(node, (list, tuple)):
        yield from chain(*(_datasets(item, f'{key}.{i}') for i, item in enumerate(node)))
    elif node is not None:
        yield Part(key, node, registries.DATASETS)
    if isinstance(node, dict):
        for name in ('dataset', 'datasets'):
            yield from _datasets(node.get(name), f'{key}.{name}')
        for name, domain in (node.get('domains') or {}).items():
            yield from _datasets(domain, f'{key}.domains.{name}')
        yield from _steps(node.get('pipeline'), f'{key}.pipeline')


def _steps(node: Any, key: str) -> Iterator[Part]:
    """Yield a step of a pipeline, or those of a list, and the steps within."""
    if isinstance(node, (list, tuple)):
        yield from chain(*(_steps(item, f'{key}.{i}') for i, item in enumerate(node)))
    elif isinstance(node, dict):
        yield Part(key, node, registries.TRANSFORMS)
        yield from _steps(node.get('transforms'), f'{key}.transforms')


def _unknown(part: Part) -> str:
    name, registry = part.value['type'], part.registry
    known = [key for found in (registry, registry.parent) if found for key in found.module_dict]
    close = get_close_matches(str(name), known, n=1)
    hint = f'did you mean "{close[0]}"?' if close else 'name its module in custom_imports.'
    kind = registry.name.replace('_', ' ')
    return f'{part.key} has type="{name}", and no {kind} has that name: {hint}'


def _named(part: Part) -> str:
    kind = part.value.get('type')
    return f'{part.key} has type="{getattr(kind, "__name__", kind)}"'
