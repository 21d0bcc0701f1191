from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from mmseg.registry import DATASETS

from mmseg_joint.doctor.data import OpenDataset
from mmseg_joint.doctor.files import read_files
from mmseg_joint.doctor.report import Report

FEW = 64  # labels; larger draws rarely lack a class


class _Silent(Report):
    def line(self, name: str, text: object) -> None:
        """Print nothing: only absent classes matter here."""


def unseen_classes(target: Any, counts: Iterable[int], seeds: Iterable[int]) -> list[str]:
    """Look for classes that no labeled image shows: one sentence for each draw that lacks any.

    Large numbers of labels are not checked.
    """
    found = []
    for count in sorted(count for count in counts if 0 < count <= FEW):
        for seed in seeds:
            subset = dict(type='LabelSubset', count=count, seed=seed, dataset=copy.deepcopy(target))
            part = OpenDataset('target', 'target', DATASETS.build(subset))
            pixels = read_files(part, _Silent(), everything=True).pixels
            absent = [name for name, number in zip(part.classes, pixels) if not number]
            if absent:
                found.append(
                    f'{count} labels, seed {seed}: no labeled image shows {", ".join(absent)}; the '
                    'target alone cannot learn it.'
                )
    return found
