from __future__ import annotations

import hashlib
import os
from pathlib import Path

from mmseg_joint.checks.samples import spread

from .data import OpenDataset
from .report import Report

COMPARED = 200  # validation images searched by content among the training images


def find_overlaps(parts: list[OpenDataset], report: Report) -> None:
    """Look for images that are used both for training and for scoring.

    All images are compared by path, and a sample by content, since a copy may have another name.
    Validation images used as unlabeled training images leak no label: they are only reported.
    """
    scored = [part for part in parts if not part.key.startswith('train_')]
    trained = [part for part in parts if part.key.startswith('train_')]
    files = {part.key: _files(part) for part in parts}
    for part in scored:
        for other in trained:
            count, how = _shared(files[part.key], files[other.key])
            if not count:
                continue
            fact = f'{count} of its {len(files[part.key]):,} images are also in {other.key}{how}'
            if other.labeled:
                report.problem(
                    f'{part.key}: {fact}, so that it is trained on what it is scored on: take '
                    'other images for one of them, e.g. with ann_file.'
                )
            else:
                report.line(part.name, f'{fact}, without their labels')


def _files(part: OpenDataset) -> list[str]:
    """Return the paths of the images that exist as files on this machine."""
    if not hasattr(part.dataset, 'get_data_info'):
        return []
    samples = map(part.dataset.get_data_info, range(len(part)))
    paths = (info.get('img_path') for info in samples if 'street' not in info)
    return [os.path.realpath(path) for path in paths if path and os.path.isfile(path)]


def _shared(scored: list[str], trained: list[str]) -> tuple[int, str]:
    """Count the images that are in both, and say how they were found."""
    same = set(scored) & set(trained)
    if same:
        return len(same), ''
    sample = [scored[index] for index in spread(len(scored), COMPARED)] if scored else []
    sizes = {os.path.getsize(path) for path in sample}
    known = {_digest(path) for path in trained if os.path.getsize(path) in sizes}
    copies = sum(_digest(path) in known for path in sample) if known else 0
    return copies, f' under other names ({len(sample)} were compared)'


def _digest(path: str) -> bytes:
    return hashlib.sha1(Path(path).read_bytes(), usedforsecurity=False).digest()
