from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any

from mmengine.config import Config
from mmseg.registry import DATASETS

from mmseg_joint.engine.sections import LOADERS
from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import Place, class_of, datasets_in, value_of


def check_zero_labels(cfg: Config) -> None:
    """Refuse a config in which some datasets move every label down by one and others do not."""
    found: dict[bool, str] = {}
    for loader in LOADERS:
        for places in datasets_in(value_of(cfg, f'{loader}.dataset'), f'{loader}.dataset'):
            key, dataset = places[-1]
            kind = class_of(dataset.get('type'), DATASETS)
            if kind is not None and 'pipeline' in dataset and _is_labeled(places):
                found.setdefault(_reduces(dataset, kind), key)
    if len(found) > 1:
        raise JointError(
            f'{found[True]} has reduce_zero_label=True and {found[False]} not, so that a class of '
            'one is the next class of the other: set it everywhere or nowhere. (Files that count '
            'from 1 beside files that count from 0 take LoadIdAnnotations.)'
        )


def _is_labeled(places: Sequence[Place]) -> bool:
    key, _ = places[-1]
    kinds = [class_of(node.get('type'), DATASETS) for _, node in places]
    unlabeled = any(kind is not None and kind.__name__ == 'Unlabeled' for kind in kinds)
    return not (
        unlabeled
        or 'unlabeled' in key.split('.')  # as a domain
        or any(node.get('labeled') is False for _, node in places)
    )


def _reduces(node: dict[str, Any], kind: Any) -> bool:
    for step in node['pipeline'] if isinstance(node['pipeline'], (list, tuple)) else ():
        if isinstance(step, dict) and step.get('reduce_zero_label') is not None:
            return bool(step['reduce_zero_label'])
    argument = signature(kind).parameters.get('reduce_zero_label')
    default = argument.default if argument is not None else False
    return node.get('reduce_zero_label', default) is True
