from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tqdm import tqdm

from mmseg_joint.checks.parts import reason_of
from mmseg_joint.datasets.label_maps import IGNORE
from mmseg_joint.datasets.sample_checks import check_label, check_packed_label, explain_failure
from mmseg_joint.errors import JointError

from .data import Part
from .report import Report

SAMPLE = 32  # pictures of a data set that are read
SHOWN = 5  # problems of a data set that are told one by one
MAX_THREADS = 8


@dataclass
class Reading:
    """What the files of a data set hold.

    Attributes:
        part: The data set.
        read: Pictures read.
        pixels: Pixels of each class, and those ignored at the end; (C + 1,).
        problems: A sentence for each picture that is not as it should be.
    """

    part: Part
    read: int
    pixels: np.ndarray
    problems: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every picture was read."""
        return self.read == len(self.part)


def read_files(part: Part, report: Report, everything: bool = False) -> Reading:
    """Read pictures and labels of a data set as training does, and count the labels' pixels.

    Args:
        part: The data set.
        report: Takes the problems.
        everything: Read all, instead of a few spread evenly.

    Returns:
        What was read.
    """
    reading = Reading(part, 0, np.zeros(len(part.classes) + 1, dtype=np.int64))
    if part.labelled:
        _check_label_paths(part, reading)
    if part.labelled and not part.loads_labels:
        report.problem(
            f'{part.key}: its pipeline loads no labels: add LoadAnnotations, or '
            'LoadMappedAnnotations for raw ids.'
        )
    indices = range(len(part)) if everything else chosen(len(part))
    # files are decoded without Python's lock
    with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool:
        results = pool.map(lambda index: _read(part, index), indices)
        # None: shown on a terminal only
        bar = {'total': len(indices), 'leave': False, 'disable': None if everything else True}
        for counts, problem in tqdm(results, part.name, **bar):
            reading.read += 1
            if problem:
                reading.problems.append(problem)
            elif counts is not None:
                reading.pixels += counts
    _tell(part, reading.problems, report)
    labels = '' if part.labelled else ', labels are not read'
    report.line(
        part.name,
        f'{len(part):,} pictures, {reading.read:,} of them read '
        f'({type(part.innermost).__name__}{labels})',
    )
    return reading


def chosen(size: int, count: int = SAMPLE) -> list[int]:
    """Numbers spread evenly from the first picture to the last.

    Args:
        size: Number of pictures.
        count: How many to choose; all if there are fewer.

    Returns:
        Rising numbers.
    """
    return np.unique(np.linspace(0, size - 1, min(count, size)).astype(int)).tolist()


def _check_label_paths(part: Part, reading: Reading) -> None:
    """Look for the label of every picture, where the data set has not done so itself."""
    if part.lists_labels or not hasattr(part.dataset, 'get_data_info'):
        return
    missing = []
    for index in range(len(part)):
        info = part.dataset.get_data_info(index)
        path = info.get('seg_map_path')
        on_disk = isinstance(path, str) and '://' not in path and 'street' not in info
        if on_disk and not os.path.isfile(path):
            missing.append(path)
    if missing:
        reading.problems.append(
            f'{len(missing)} of {len(part)} pictures have no label, the first missing is '
            f"'{missing[0]}': correct data_root and data_prefix.seg_map_path, or list the labelled "
            'pictures in ann_file'
        )


def _read(part: Part, index: int) -> tuple[np.ndarray | None, str | None]:
    """Pixels of each class in one label (None without a label), or what is wrong with it."""
    info: dict[str, Any] = {}
    try:
        if part.loaders is None:
            label = _through_pipeline(part, index)
        else:
            info = part.dataset.get_data_info(index)
            label = _through_loaders(part, dict(info))
        return (None if label is None else _count(label, len(part.classes))), None
    except JointError as error:
        return None, str(error)
    except Exception as error:  # of whatever loader the user has
        try:
            explain_failure(error, info)
        except JointError as better:
            return None, str(better)
        name = info.get('img_path', f'picture {index}')
        return (
            None,
            f"'{name}' and its label cannot be loaded ({reason_of(error)}): look at these files",
        )


def _through_pipeline(part: Part, index: int) -> np.ndarray | None:
    packed = part.dataset[index]
    check_packed_label(packed, len(part.classes), part.key, None)
    sample = packed.get('data_samples')
    if sample is None or 'gt_sem_seg' not in sample:
        return None
    return sample.gt_sem_seg.data.numpy()


def _through_loaders(part: Part, results: dict[str, Any]) -> np.ndarray | None:
    for step in part.loaders or ():
        results = step(results)
    label = results.get('gt_seg_map')
    if label is None:
        return None
    name = f"the label '{results.get('seg_map_path')}'"
    check_label(label, results['img'].shape[:2], len(part.classes), name)
    return label


def _count(label: np.ndarray, classes: int) -> np.ndarray:
    counts = np.bincount(label.ravel(), minlength=IGNORE + 1)
    return np.append(counts[:classes], counts[IGNORE])


def _tell(part: Part, problems: list[str], report: Report) -> None:
    for problem in problems[:SHOWN]:
        report.problem(f'{part.key}: {problem}')
    if len(problems) > SHOWN:
        report.problem(
            f'{part.key}: {len(problems) - SHOWN} more of the pictures that were read have such '
            'problems.'
        )
