from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from mmcv.transforms import LoadAnnotations
from mmseg.registry import DATASETS, TRANSFORMS

from mmseg_joint.datasets.raw_label_dataset import RawLabelDataset
from mmseg_joint.datasets.wrapper import DatasetWrapper
from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import class_of


@DATASETS.register_module()
class Unlabeled(DatasetWrapper):
    """A dataset whose labels are never read, and need not exist.

    Every label-loading step is removed from the pipelines within ``dataset``, and the
    ``cat_max_ratio`` of ``RandomCrop``, which looks at the label, is turned off. So labeled and
    unlabeled domains can share one pipeline. A domain with such a dataset has no supervised loss,
    whatever its name.

    Args:
        dataset: Config of a dataset, or of a wrapper around datasets.

    Raises:
        JointError: When ``dataset`` is not a config: a built dataset already has its pipeline.
    """

    def __init__(self, dataset: dict) -> None:
        if not isinstance(dataset, dict):
            raise JointError(
                f'Unlabeled needs the config of a dataset (a dict), not {type(dataset).__name__}'
            )
        super().__init__(without_labels(dataset))
        self.labeled = False

    def get_data_info(self, index: int) -> dict:
        """Return the sample's image path and the like; no label path."""
        info = self.dataset.get_data_info(index)
        info.pop('seg_map_path', None)
        return info

    def __getitem__(self, index: int) -> Any:
        packed = self.dataset[index]
        sample = packed.get('data_samples')
        if sample is not None and 'gt_sem_seg' in sample:
            del sample.gt_sem_seg  # a loader of our own that makes image and label at once
        return packed


def without_labels(cfg: dict) -> dict:
    """Copy a dataset's config without any label loading, through all its wrappers."""
    cfg = copy.copy(cfg)
    if 'pipeline' in cfg:
        cfg['pipeline'] = _strip(cfg['pipeline'])
    for key in cfg.keys() & {'dataset', 'datasets'}:
        parts = cfg[key]
        several = isinstance(parts, (list, tuple))
        cfg[key] = [without_labels(part) for part in parts] if several else without_labels(parts)
    kind = class_of(cfg.get('type'), DATASETS)
    if kind is not None and issubclass(kind, RawLabelDataset):
        cfg['labeled'] = False
    return cfg


def _strip(steps: Sequence[Any]) -> list[Any]:
    kept: list[Any] = []
    for step in steps:
        if isinstance(step, (list, tuple)):  # the branches of RandomChoice
            step = _strip(step)
        elif isinstance(step, dict):
            kind = class_of(step.get('type'), TRANSFORMS)
            if kind is not None and issubclass(kind, LoadAnnotations):
                continue
            step = copy.copy(step)
            if 'transforms' in step:
                step['transforms'] = _strip(step['transforms'])
            if 'cat_max_ratio' in step:
                step['cat_max_ratio'] = 1.0
        elif isinstance(step, LoadAnnotations):
            continue
        kept.append(step)
    return kept
