"""Checks of each dataset's pipeline: does it pack the sample, and do all count labels alike?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from inspect import signature
from typing import Any

from mmengine.config import Config
from mmseg.datasets import BaseSegDataset
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import DATASETS, TRANSFORMS

from mmseg_joint.datasets import Unlabeled
from mmseg_joint.engine.sections import LOADERS
from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import Place, class_of, datasets_in, value_of

# in these packages no other step packs
KNOWN = ('mmcv', 'mmengine', 'mmseg', 'mmseg_joint')


def check_pipelines(cfg: Config) -> None:
    """Refuse a pipeline that does not pack the sample that the model takes."""
    for places in _datasets(cfg):
        _check(places)


def check_zero_labels(cfg: Config) -> None:
    """Refuse a config in which some datasets move every label down by one and others do not."""
    found: dict[bool, str] = {}
    for places in _datasets(cfg):
        key, dataset = places[-1]
        kind = class_of(dataset, DATASETS)
        if kind is not None and 'pipeline' in dataset and _is_labeled(places):
            found.setdefault(_reduces(dataset, kind), key)
    if len(found) > 1:
        raise JointError(
            f'{found[True]} has reduce_zero_label=True and {found[False]} not, so that a class of '
            'one is the next class of the other: set it everywhere or nowhere. (Files that count '
            'from 1 beside files that count from 0 take LoadIdAnnotations.)'
        )


def _datasets(cfg: Config) -> Iterator[tuple[Place, ...]]:
    """List the dicts around each single dataset of a config, the dataset's own last."""
    for loader in LOADERS:
        yield from datasets_in(value_of(cfg, f'{loader}.dataset'), f'{loader}.dataset')


def _check(places: Sequence[Place]) -> None:
    """Check a dataset and the wrappers around it, which may pack too."""
    for key, node in places:
        steps = node.get('pipeline', ())
        if not isinstance(steps, (list, tuple)) or any(isinstance(step, str) for step in steps):
            raise JointError(
                f'{key}.pipeline is {steps!r}: list its steps, each a dict, the last PackSegInputs.'
            )
    key, dataset = places[-1]
    packed = any(_packs(step) for _, node in places for step in node.get('pipeline', ()))
    ours = _is_known(class_of(dataset, DATASETS), BaseSegDataset)
    if not packed and ('pipeline' in dataset or ours):
        raise JointError(
            f"{key}.pipeline has no PackSegInputs: end it with dict(type='PackSegInputs')."
        )


def _packs(step: Any) -> bool:
    """Return whether a step, or one within it, packs, as far as is known."""
    if isinstance(step, (list, tuple)):
        return any(_packs(inner) for inner in step)
    if isinstance(step, dict) and 'transforms' in step:
        return _packs(step['transforms'])
    kind = class_of(step, TRANSFORMS)
    return not _is_known(kind, object) or _is_known(kind, PackSegInputs)


def _is_known(kind: type | None, base: type) -> bool:
    return kind is not None and kind.__module__.split('.')[0] in KNOWN and issubclass(kind, base)


def _is_labeled(places: Sequence[Place]) -> bool:
    key, _ = places[-1]
    return 'unlabeled' not in key.split('.') and not any(  # as a domain
        node.get('labeled') is False or class_of(node, DATASETS) is Unlabeled for _, node in places
    )


def _reduces(node: dict[str, Any], kind: type) -> bool:
    for step in node['pipeline'] if isinstance(node['pipeline'], (list, tuple)) else ():
        if isinstance(step, dict) and step.get('reduce_zero_label') is not None:
            return bool(step['reduce_zero_label'])
    argument = signature(kind).parameters.get('reduce_zero_label')
    default = argument.default if argument is not None else False
    return node.get('reduce_zero_label', default) is True
