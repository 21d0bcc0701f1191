from __future__ import annotations

from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS

PREFIX = 'IoU.'


@METRICS.register_module()
class ClassIoUMetric(IoUMetric):
    """The IoU of each class as a separate value, in percent: `IoU.road`, `IoU.car`, ….

    mmseg's metric prints them as a table, which log files and curves cannot use. List this one next
    to the metric for the mean: `val_evaluator = [dict(type='IoUMetric'),
    dict(type='ClassIoUMetric')]`. A class in neither labels nor predictions is left out.

    Args:
        **kwargs: Arguments of mmseg's `IoUMetric`.
    """

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Sum up the images' areas; return `IoU.<class>` in percent, with two decimals."""
        right, union, *_ = (sum(areas).double() for areas in zip(*results))
        names = (self.dataset_meta or {})['classes']
        return {
            f'{PREFIX}{name}': round(100 * float(part / whole), 2)
            for name, part, whole in zip(names, right, union)
            if whole
        }
