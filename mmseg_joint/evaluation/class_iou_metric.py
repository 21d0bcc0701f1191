from __future__ import annotations

from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS

PREFIX = 'IoU.'


@METRICS.register_module()
class ClassIoUMetric(IoUMetric):
    """The IoU of each class as a value of its own, in percent: `IoU.road`, `IoU.car`, ….

    mmseg's metric prints them as a table, which no log file or curve can be read from. It stands
    beside the metric that gives the mean: `val_evaluator = [dict(type='IoUMetric'),
    dict(type='ClassIoUMetric')]`. A class that neither labels nor predictions have is left out.

    Args:
        **kwargs: Arguments of mmseg's `IoUMetric`.
    """

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Sum the images' areas up; returns `IoU.<class>` in percent, two decimals."""
        right, union, *_ = (sum(areas).double() for areas in zip(*results))
        names = (self.dataset_meta or {})['classes']
        return {
            f'{PREFIX}{name}': round(100 * float(part / whole), 2)
            for name, part, whole in zip(names, right, union)
            if whole
        }
