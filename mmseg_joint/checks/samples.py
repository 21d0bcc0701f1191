"""Checks of every sample's files before the first is drawn: do they exist, with the same size?"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from mmcv.transforms import LoadAnnotations
from PIL import Image
from torch import nn

from mmseg_joint.datasets.raw_label_dataset import RawLabelDataset
from mmseg_joint.errors import JointError

MEASURED = 200  # images per dataset to compare with their labels in size


def check_paths(model: nn.Module | None, dataset: Any, key: str) -> None:
    """Refuse data with a missing image or label.

    Every path is looked up, in one listing of each folder. Samples that are not files on a local
    disk are left to training.
    """
    for place, part in single_datasets(dataset, key):
        inner = innermost(part)
        if isinstance(inner, RawLabelDataset):
            continue  # it has checked them itself
        samples = _on_disk(part, inner, range(len(part)))
        if samples:
            _check_images(samples, inner, place)
        if samples and _reads_labels(inner):
            _check_labels(samples, place)


def check_sizes(model: nn.Module | None, dataset: Any, key: str) -> None:
    """Refuse data with a label of another size than its image.

    Sizes are read from the file headers of a few evenly spread images.
    """
    for place, part in single_datasets(dataset, key):
        inner = innermost(part)
        if _reads_labels(inner):
            for info in _on_disk(part, inner, spread(len(part), MEASURED)):
                _check_size(info, place)


def single_datasets(dataset: Any, key: str) -> Iterator[tuple[str, Any]]:
    """List the datasets within domains and chains, each with its place in the config."""
    domains, several = getattr(dataset, 'domains', None), getattr(dataset, 'datasets', None)
    if isinstance(domains, dict):
        for name, part in domains.items():
            yield from single_datasets(part, f'{key}.domains.{name}')
    elif several:
        for index, part in enumerate(several):
            yield from single_datasets(part, f'{key}.{index}')
    elif hasattr(dataset, 'get_data_info'):
        yield key, dataset


def innermost(dataset: Any) -> Any:
    """Return the dataset within all wrappers (the first, where a wrapper holds several)."""
    while not hasattr(dataset, 'pipeline'):
        inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
        if inner[0] is None:
            break
        dataset = inner[0]
    return dataset


def spread(size: int, count: int) -> list[int]:
    """Return indices spread evenly from the first to the last; all if there are few."""
    return np.unique(np.linspace(0, size - 1, min(count, size)).astype(int)).tolist()


def is_missing(info: dict[str, Any]) -> bool:
    """Return whether a sample's file on a local disk is missing."""
    paths = [info.get('img_path'), info.get('seg_map_path')] if 'street' not in info else []
    return not all(os.path.isfile(path) for path in paths if path and '://' not in path)


def _on_disk(part: Any, inner: Any, indices: Iterable[int]) -> list[dict[str, Any]]:
    if getattr(inner, 'backend_args', None):
        return []
    samples = [info for info in map(part.get_data_info, indices) if 'street' not in info]
    return [x for x in samples if isinstance(x.get('img_path'), str) and '://' not in x['img_path']]


def _reads_labels(dataset: Any) -> bool:
    steps = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
    return any(isinstance(step, LoadAnnotations) for step in steps)


def _check_images(samples: list[dict[str, Any]], dataset: Any, key: str) -> None:
    there = _lookup()
    gone = [info['img_path'] for info in samples if not there(info['img_path'])]
    if not gone:
        return
    path, suffix = gone[0], getattr(dataset, 'img_suffix', '')
    listed = f"the list '{getattr(dataset, 'ann_file', '')}'"
    stem = path.removesuffix(suffix)
    others = sorted({other.suffix for other in Path(stem).parent.glob(f'{Path(stem).name}.*')})
    remedy = 'put it there, or correct data_root, data_prefix.img_path and img_suffix'
    if stem.endswith(('/', os.sep)):
        remedy = f'{listed} has a blank line: delete it'
    elif suffix and stem.endswith(suffix):
        remedy = f"{listed} has names with '{suffix}', which img_suffix adds: list them without it"
    elif others:
        remedy = f"there is '{Path(stem).name}{others[0]}': set img_suffix='{others[0]}'"
    raise JointError(
        f"{key}: {len(gone)} of {len(samples)} images are not there, first '{path}': {remedy}."
    )


def _check_labels(samples: list[dict[str, Any]], key: str) -> None:
    there = _lookup()
    paths = [info.get('seg_map_path') for info in samples]
    if not any(paths):
        raise JointError(
            f'{key} has no labels: set data_prefix.seg_map_path to their folder, or wrap the '
            "dataset in dict(type='Unlabeled', dataset=…) where it is a domain to train on."
        )
    gone = [path for path in paths if not (path and there(path))]
    if gone:
        raise JointError(
            f'{key}: {len(gone)} of {len(samples)} images have no label, the first missing is '
            f"'{gone[0]}': correct data_root, data_prefix.seg_map_path and seg_map_suffix, or "
            'list the labeled images in ann_file.'
        )


def _check_size(info: dict[str, Any], key: str) -> None:
    image, label = _size(info['img_path']), _size(info['seg_map_path'])
    if image is None or label is None:
        return
    if max(abs(a - b) for a, b in zip(image, label)) > info.get('size_tolerance', 0):
        raise JointError(
            f"{key}: the label '{info['seg_map_path']}' has {label[0]}x{label[1]} pixels but its "
            f"image '{info['img_path']}' has {image[0]}x{image[1]}: use labels of the same size "
            '(resize them with nearest-neighbor interpolation).'
        )


def _size(path: str) -> tuple[int, int] | None:
    """Return width and height from a file's header; None if it cannot be read as an image."""
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # loading it says why


def _lookup() -> Any:
    """Return a function that checks whether a file exists, from one listing of its folder."""

    @cache
    def names(folder: str) -> frozenset[str]:
        try:
            return frozenset(os.listdir(folder or '.'))
        except OSError:
            return frozenset()

    return lambda path: os.path.basename(path) in names(os.path.dirname(path))
