from __future__ import annotations

from typing import Any

from mmengine.config import Config
from mmseg.datasets import BaseSegDataset
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import DATASETS, TRANSFORMS

from mmseg_joint.checks.values import LOADERS
from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import class_of, value_of

# of these packages it is known that no other step packs
KNOWN = ('mmcv', 'mmengine', 'mmseg', 'mmseg_joint')


def check_pipelines(cfg: Config) -> None:
    """Refuse a pipeline that ends without the sample that the model takes."""
    for loader in LOADERS:
        _check(value_of(cfg, f'{loader}.dataset'), f'{loader}.dataset', packed=False)


def _check(node: Any, key: str, packed: bool) -> None:
    """Look at a dataset and those within it; `packed`: a wrapper around it packs."""
    if isinstance(node, (list, tuple)):
        for index, item in enumerate(node):
            _check(item, f'{key}.{index}', packed)
    if not isinstance(node, dict):
        return
    if 'domains' in node:
        for name, domain in (node['domains'] or {}).items():
            _check(domain, f'{key}.domains.{name}', packed)
        return
    steps = node.get('pipeline', ())
    if not isinstance(steps, (list, tuple)) or any(isinstance(step, str) for step in steps):
        raise JointError(
            f'{key}.pipeline is {steps!r}: list its steps, each a dict, the last PackSegInputs.'
        )
    packed = packed or any(_packs(step) for step in steps)
    for inner in ('dataset', 'datasets'):
        if node.get(inner) is not None:
            _check(node[inner], f'{key}.{inner}', packed)
            return
    if not packed and (
        'pipeline' in node or _is_ours(class_of(node.get('type'), DATASETS), BaseSegDataset)
    ):
        raise JointError(
            f"{key}.pipeline has no PackSegInputs: end it with dict(type='PackSegInputs')."
        )


def _packs(step: Any) -> bool:
    """Whether a step, or one within it, packs as far as can be told."""
    if isinstance(step, (list, tuple)):
        return any(_packs(inner) for inner in step)
    if isinstance(step, dict) and 'transforms' in step:
        return _packs(step['transforms'])
    kind = class_of(step.get('type') if isinstance(step, dict) else None, TRANSFORMS)
    return not _is_ours(kind, object) or _is_ours(kind, PackSegInputs)


def _is_ours(kind: Any, base: type) -> bool:
    known = isinstance(kind, type) and kind.__module__.split('.')[0] in KNOWN
    return known and issubclass(kind, base)
