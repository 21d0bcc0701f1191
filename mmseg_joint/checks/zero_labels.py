from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from typing import Any

from mmengine.config import Config
from mmseg.registry import DATASETS

from mmseg_joint.checks.values import LOADERS
from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import class_of, value_of


def check_zero_labels(cfg: Config) -> None:
    """Refuse datasets of which some move every label down by one and others do not."""
    found: dict[bool, str] = {}
    for loader in LOADERS:
        for key, reduces in _labeled(value_of(cfg, f'{loader}.dataset'), f'{loader}.dataset'):
            found.setdefault(reduces, key)
    if len(found) > 1:
        raise JointError(
            f'{found[True]} has reduce_zero_label=True and {found[False]} not, so that a class of '
            'one is the next class of the other: set it everywhere or nowhere. (Files that count '
            'from 1 beside files that count from 0 take a dataset with RAW_IDS.)'
        )


def _labeled(node: Any, key: str) -> Iterator[tuple[str, bool]]:
    """Key of each labeled dataset, and whether it moves its labels."""
    if isinstance(node, (list, tuple)):
        for index, item in enumerate(node):
            yield from _labeled(item, f'{key}.{index}')
    if not isinstance(node, dict):
        return
    kind = class_of(node.get('type'), DATASETS)
    if getattr(kind, '__name__', '') == 'Unlabeled' or node.get('labeled') is False:
        return
    for name, domain in (node.get('domains') or {}).items():
        if name != 'unlabeled':
            yield from _labeled(domain, f'{key}.domains.{name}')
    inner = [name for name in ('dataset', 'datasets') if node.get(name) is not None]
    for name in inner:
        yield from _labeled(node[name], f'{key}.{name}')
    if kind is not None and not inner and 'domains' not in node and 'pipeline' in node:
        yield key, _reduces(node, kind)


def _reduces(node: dict[str, Any], kind: Any) -> bool:
    for step in node['pipeline'] if isinstance(node['pipeline'], (list, tuple)) else ():
        if isinstance(step, dict) and step.get('reduce_zero_label') is not None:
            return bool(step['reduce_zero_label'])
    argument = signature(kind).parameters.get('reduce_zero_label')
    default = argument.default if argument is not None else False
    return node.get('reduce_zero_label', default) is True
