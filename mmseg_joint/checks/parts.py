"""The parts of a config that are built from a `type`: are they what their registries know?"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from difflib import get_close_matches
from inspect import signature
from itertools import chain
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.registry import Registry
from mmseg import registry as registries

from mmseg_joint.checks.sections import value_of
from mmseg_joint.errors import JointError

LOADERS = {'train': ('train', 'val'), 'test': ('test',)}
# what mmengine hands over beside the config, or would take for a `type` that is left out
GIVEN = {
    'loop': ('runner', 'dataloader', 'evaluator'),
    'data sampler': ('dataset', 'seed'),
    'vis_backend': ('save_dir',),
}
HAVE_DEFAULT = ('model.data_preprocessor', 'visualizer', 'train_cfg', 'val_cfg', 'test_cfg')
BESIDE_ARGUMENTS = ('type', '_scope_', 'priority')
# to build these once more has no effect but their errors
HARMLESS = ('model', 'dataset', 'transform', 'hook', 'metric')
REFUSALS = (KeyError, TypeError, ValueError, AssertionError)


class Part(NamedTuple):
    """A part of a config that mmengine builds.

    Attributes:
        key: Its dotted place.
        value: What the config has there.
        registry: Where its `type` is looked up.
    """

    key: str
    value: Any
    registry: Registry

    @property
    def kind(self) -> Any:
        """Its class or function; None if there is none by that name."""
        kind = self.value['type']
        return self.registry.get(kind) if isinstance(kind, str) else kind


def check_types(cfg: Config, task: str) -> None:
    """Look up every `type` that training or testing will build.

    Args:
        cfg: The whole config.
        task: `'train'` or `'test'`.

    Raises:
        JointError: When one is missing or unknown, or stands for something that takes none.
    """
    for part in parts_of(cfg, task):
        if not isinstance(part.value, dict):
            if isinstance(part.value, (str, int, float)):
                raise JointError(
                    f'{part.key} is {part.value!r} where dict(type=…) is needed: correct it.'
                )
        elif 'type' in part.value:
            if part.kind is None:
                raise JointError(_unknown(part))
        elif part.key not in HAVE_DEFAULT:
            raise JointError(
                f'{part.key} is a dict of {", ".join(map(str, part.value)) or "nothing"}, which '
                'needs a type: add the key.'
            )


def check_arguments(cfg: Config, task: str) -> None:
    """Compare the arguments of every part with what its class takes.

    A class that hands what it does not know on to another shows its mistakes when it is built.

    Args:
        cfg: The whole config, in which every type is known.
        task: `'train'` or `'test'`.

    Raises:
        JointError: When one is unknown, or one is missing.
    """
    for part in parts_of(cfg, task):
        if isinstance(part.value, dict) and callable(part.value.get('type') and part.kind):
            try:
                expected = signature(part.kind)
            except ValueError:  # of a class that is not written in Python
                continue
            values = {k: v for k, v in part.value.items() if k not in BESIDE_ARGUMENTS}
            given = GIVEN.get(part.registry.name, ())
            values = {**dict.fromkeys(n for n in given if n in expected.parameters), **values}
            try:
                expected.bind(**values)
            except TypeError as error:
                raise JointError(f'{_named(part)}, but {error}: correct the key.') from error


def check_refusal(cfg: Config, task: str, error: Exception) -> None:
    """Find the part of a config for which building failed, by building the parts one by one.

    Args:
        cfg: The whole config.
        task: `'train'` or `'test'`.
        error: What was raised.

    Raises:
        JointError: When building a part on its own raises the same; the smallest is named.
    """
    check_types(cfg, task)
    check_arguments(cfg, task)
    found = [part for part in parts_of(cfg, task) if part.registry.name in HARMLESS]
    for part in reversed(found):  # from within
        if isinstance(error, REFUSALS) and isinstance(part.value, dict) and 'type' in part.value:
            try:
                build(part)
            except JointError:
                continue
            except Exception as again:
                if type(again) is type(error) and again.args == error.args:
                    raise JointError(
                        f'{_named(part)}, but {reason_of(error)}: correct it.'
                    ) from error


def build(part: Part) -> Any:
    """Build a part on its own, and leave no file behind.

    Args:
        part: The part.

    Returns:
        What its class makes.
    """
    value = copy.deepcopy(part.value)
    if part.registry is registries.METRICS and isinstance(value, dict):
        value.pop('output_dir', None)  # the metric would make the folder
    return part.registry.build(value)


def reason_of(error: Exception) -> str:
    """Take the first line of an error, or its kind if it says nothing."""
    text = str(error.args[0] if error.args else error)
    return text.strip().split('\n')[0].rstrip('. ') or type(error).__name__


def parts_of(cfg: Config, task: str) -> Iterator[Part]:
    """List what training or testing builds; a part comes before those within it.

    Args:
        cfg: The whole config.
        task: `'train'` or `'test'`.

    Yields:
        The parts.
    """
    if (cfg.get('default_scope') or 'mmseg') != 'mmseg':
        return  # of registries that are not known here
    model = (
        'model',
        *(
            f'model.{name}'
            for name in ('data_preprocessor', 'backbone', 'neck', 'decode_head', 'auxiliary_head')
        ),
    )
    for key in model:
        yield from _listed(cfg, key, registries.MODELS)
    for name in LOADERS[task]:
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
    """One part, or those of a list."""
    value = value_of(cfg, key)
    if isinstance(value, (list, tuple)):
        yield from (Part(f'{key}.{i}', item, registry) for i, item in enumerate(value))
    elif value is not None:
        yield Part(key, value, registry)


def _datasets(node: Any, key: str) -> Iterator[Part]:
    """A dataset, or those of a list, and the datasets and the pipeline within."""
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
    """A step of a pipeline, or those of a list, and the steps within."""
    if isinstance(node, (list, tuple)):
        yield from chain(*(_steps(item, f'{key}.{i}') for i, item in enumerate(node)))
    elif isinstance(node, dict):
        yield Part(key, node, registries.TRANSFORMS)
        yield from _steps(node.get('transforms'), f'{key}.transforms')


def _unknown(part: Part) -> str:
    name, registry = part.value['type'], part.registry
    known = [key for found in (registry, registry.parent) if found for key in found.module_dict]
    close = get_close_matches(name, known, n=1)
    hint = f'did you mean "{close[0]}"?' if close else 'name its module in custom_imports.'
    kind = registry.name.replace('_', ' ')
    return f'{part.key} has type="{name}", and no {kind} has that name: {hint}'


def _named(part: Part) -> str:
    kind = part.value['type']
    return f'{part.key} has type="{getattr(kind, "__name__", kind)}"'
