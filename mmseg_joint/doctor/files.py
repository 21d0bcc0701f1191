from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from mmseg_joint.checks.samples import check_paths, is_missing, spread
from mmseg_joint.datasets.label_maps import IGNORE
from mmseg_joint.datasets.sample_checks import check_label, check_packed_label, explain_failure
from mmseg_joint.errors import JointError, reason_of
from mmseg_joint.utils.cores import available_cores

from .data import READS_LABELS, OpenDataset
from .report import Report

SAMPLE = 32  # images read per dataset
VARYING = re.compile(r"'[^']*'|\[.*\]|\d+")  # differs between messages about the same fault
VALUES = re.compile(r'holds the values \[([^]]*)\]')
MAX_THREADS = 8


@dataclass
class Reading:
    """What the files of a dataset hold."""

    part: OpenDataset
    read: int
    pixels: np.ndarray  #: pixels of each class, and those ignored at the end; (C + 1,)

    @property
    def complete(self) -> bool:
        """Whether every image was read."""
        return self.read == len(self.part)


def read_files(part: OpenDataset, report: Report, everything: bool = False) -> Reading:
    """Read images and labels of a dataset as training does, and count the labels' pixels.

    By default, only a few evenly spread images are read.
    """
    problems: dict[str, list[str]] = {}  # by kind
    try:
        check_paths(None, part.dataset, part.key)
    except JointError as error:
        report.problem(error)
    if len(part.classes) > IGNORE:
        report.problem(
            f'{part.key} has {len(part.classes)} classes: leave at most {IGNORE}, since labels '
            f'have 8 bits and {IGNORE} is ignored.'
        )
    loaders = part.loaders() if part.labeled else None
    if loaders is not None and not any(isinstance(x, READS_LABELS) for x in loaders):
        report.problem(
            f'{part.key}: its pipeline loads no labels: add LoadAnnotations, or '
            'LoadMappedAnnotations for raw ids.'
        )
    indices = range(len(part)) if everything else spread(len(part), SAMPLE)
    pixels = np.zeros(len(part.classes) + 1, dtype=np.int64)
    # files are decoded without Python's lock
    with ThreadPoolExecutor(min(MAX_THREADS, available_cores())) as pool:
        results = pool.map(lambda index: _read(part, index), indices)
        # None: the bar appears only on a terminal
        bar = {'total': len(indices), 'leave': False, 'disable': None if everything else True}
        for found in tqdm(results, part.name, **bar):
            if isinstance(found, str):
                problems.setdefault(VARYING.sub('', found), []).append(found)
            elif found is not None:
                pixels += found
    for first, *more in problems.values():
        values = _values(first).union(*map(_values, more))
        others = f', with the values {sorted(values)} in all' if values > _values(first) else ''
        like = f' (and {len(more):,} more like this one{others})' if more else ''
        report.problem(f'{part.key}: {first}{like}')
    facts = type(part.innermost).__name__ + ('' if part.labeled else ', labels are not read')
    report.line(part.name, f'{len(part):,} images, {len(indices):,} of them read ({facts})')
    return Reading(part, len(indices), pixels)


def _values(message: str) -> set[int]:
    """Return the unknown values of a label that a message names, if any."""
    return {int(x) for text in VALUES.findall(message) for x in text.split(', ')}


def _read(part: OpenDataset, index: int) -> np.ndarray | str | None:
    """Count one label's pixels of each class (None without a label), or say what is wrong."""
    info: dict[str, Any] = {}
    try:
        loaders = part.loaders(index)
        if loaders is None:
            label = _through_pipeline(part, index)
        else:
            info = part.dataset.get_data_info(index)
            if is_missing(info):
                return None  # already reported
            label = _through_loaders(part, loaders, dict(info))
        return None if label is None else _count(label, len(part.classes))
    except JointError as error:
        return str(error)
    except Exception as error:  # the user's loader can raise anything
        try:
            explain_failure(error, info)
        except JointError as better:
            return str(better)
        name, reason = info.get('img_path', f'image {index}'), reason_of(error)
        return f"'{name}' and its label cannot be loaded ({reason}): look at these files"


def _through_pipeline(part: OpenDataset, index: int) -> np.ndarray | None:
    packed = part.dataset[index]
    check_packed_label(packed, len(part.classes), part.key)
    sample = packed.get('data_samples')
    if sample is None or 'gt_sem_seg' not in sample:
        return None
    return sample.gt_sem_seg.data.numpy()


def _through_loaders(
    part: OpenDataset, loaders: list[Any], results: dict[str, Any]
) -> np.ndarray | None:
    for step in loaders:
        results = step(results)
    label = results.get('gt_seg_map')
    if label is None:
        return None
    name = f"the label '{results.get('seg_map_path')}'"
    check_label(label, results['img'].shape[:2], len(part.classes), name)
    return label


def _count(label: np.ndarray, classes: int) -> np.ndarray:
    counts = np.bincount(label.ravel(), minlength=max(IGNORE, classes) + 1)
    return np.append(counts[:classes], counts[IGNORE])
