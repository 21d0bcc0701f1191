from __future__ import annotations

from collections.abc import Collection

import numpy as np

from .files import Reading
from .report import Report

MOST = 20  # names of a list


def show_labels(
    readings: list[Reading], report: Report, by_iou_metric: Collection[str] = ()
) -> None:
    """Print how often each class occurs, one column per dataset, and which classes never occur.

    A class that occurs in no dataset is a problem if every image was read.

    Args:
        readings: What was read of each dataset.
        report: Where it is printed.
        by_iou_metric: Those of `val` and `test` that mmseg's `IoUMetric` scores.
    """
    whole = not report.problems and all(x.complete for x in readings if x.part.labeled)
    labeled = [x for x in readings if x.part.labeled and x.part.classes and x.pixels.sum()]
    for classes in dict.fromkeys(reading.part.classes for reading in labeled):
        columns = [reading for reading in labeled if reading.part.classes == classes]
        report.title('labels: % of the pixels that have a class, in the images read')
        for row in table(classes, columns):
            print(f'  {row}')
        seen = np.sum([reading.pixels for reading in columns], axis=0)
        nowhere = [name for name, count in zip(classes, seen) if not count]
        if whole and nowhere:
            report.problem(
                f'no label of {", ".join(reading.part.name for reading in columns)} shows '
                f'{_named(nowhere)}: correct the numbers in the labels or the order of '
                'classes, or leave the class out.'
            )
    for reading in labeled:
        absent = [
            name for name, count in zip(reading.part.classes, reading.pixels[:-1]) if not count
        ]
        if absent:
            seen = 'in all images' if reading.complete else 'in those read; --all reads every one'
            report.line(reading.part.name, f'no {_named(absent, ", no ")} ({seen})')
            if reading.complete and reading.part.name.partition('[')[0] in by_iou_metric:
                report.line(
                    reading.part.name,
                    'warning: such a class lowers the mIoU of a run that predicts it anywhere, and '
                    'of no other: to compare methods, score with '
                    "dict(type='ProtocolIoUMetric', absent='skip')",
                )
        first, *others, ignored = reading.pixels
        if first and ignored and others and not any(others):
            said = (
                f'its labels hold nothing but {reading.part.classes[0]} and 255, which is ignored: '
                'if 255 stands for a class, save it as the number of that class.'
            )
            if reading.complete:
                report.problem(f'{reading.part.key}: {said}')
            else:
                report.line(reading.part.name, f'warning: {said}')


def _named(classes: list[str], between: str = ', ') -> str:
    more = f' and {len(classes) - MOST:,} more' if len(classes) > MOST else ''
    return between.join(classes[:MOST]) + more


def table(classes: tuple[str, ...], readings: list[Reading]) -> list[str]:
    """Lay out the class shares in rows: a header, one row per class, and the ignored share."""
    width = max(10, *(len(reading.part.name) + 2 for reading in readings))
    first = max(len(name) for name in (*classes, 'ignored'))
    rows = [' ' * first + ''.join(f'{reading.part.name:>{width}}' for reading in readings)]
    for index, name in enumerate(classes):
        cells = [_share(reading.pixels[index], reading.pixels[:-1]) for reading in readings]
        rows.append(f'{name:<{first}}' + ''.join(f'{cell:>{width}}' for cell in cells))
    ignored = [_share(reading.pixels[-1], reading.pixels) for reading in readings]
    rows.append(f'{"ignored":<{first}}' + ''.join(f'{cell:>{width}}' for cell in ignored))
    return rows


def _share(count: int, of: np.ndarray) -> str:
    return f'{100 * count / of.sum():.2f}' if count else '-'
