from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.config import Config
from mmseg.datasets import BaseSegDataset
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import DATASETS, TRANSFORMS

from mmseg_joint.engine.sections import LOADERS
from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import Place, class_of, datasets_in, value_of

# in these packages no other step packs
KNOWN = ('mmcv', 'mmengine', 'mmseg', 'mmseg_joint')


def check_pipelines(cfg: Config) -> None:
    """Refuse a pipeline that does not pack the sample that the model takes."""
    for loader in LOADERS:
        for places in datasets_in(value_of(cfg, f'{loader}.dataset'), f'{loader}.dataset'):
            _check(places)


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
    ours = _is_ours(class_of(dataset.get('type'), DATASETS), BaseSegDataset)
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
    kind = class_of(step.get('type') if isinstance(step, dict) else None, TRANSFORMS)
    return not _is_ours(kind, object) or _is_ours(kind, PackSegInputs)


def _is_ours(kind: Any, base: type) -> bool:
    known = isinstance(kind, type) and kind.__module__.split('.')[0] in KNOWN
    return known and issubclass(kind, base)
