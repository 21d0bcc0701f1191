from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.logging import MMLogger, print_log
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS
from prettytable import PrettyTable

from mmseg_joint.errors import JointError
from mmseg_joint.evaluation.protocols import Protocol, named_protocols, protocol_indices
from mmseg_joint.utils.numbers import check_choice


@METRICS.register_module()
class ProtocolIoUMetric(IoUMetric):
    """Mean IoU over several sets of classes, from one evaluation.

    SYNTHIA lacks some of Cityscapes' 19 classes, so papers average over 16 or 13 of them. Pixels
    whose ground truth is not among a protocol's counted classes (by default, those in the mean) are
    ignored, like 255; on all others, predicting a class that is not counted is an error like any
    other. Public code (maximum squares, CBST) instead takes the mean over 13 of the 16 rows of one
    confusion matrix, ``'13of16'``: predicting building on a wall then lowers building's IoU. A
    class in neither ground truth nor prediction is left out of the mean.

    It logs a table with one row per class, and the metrics ``aAcc``, ``mIoU``, ``mAcc`` of the
    first protocol and ``aAcc_16``, ``mIoU_16``, … of each. With ``'all'`` these are mmseg's own.

    Args:
        protocols: What to average over: names from
            :data:`~mmseg_joint.datasets.label_maps.EVAL_CLASS_SETS` or ``'all'``, two of them
            like ``'13of16'`` for a mean over 13 classes of the pixels of 16, or tuples of class
            names or indices, which are named by their number of classes; or a dict of name → any
            of these or ``dict(average=classes, count=classes)``.
        absent: How to count a class that is predicted but has no ground-truth pixel: ``'zero'`` as
            an IoU of 0, as in mmseg and in Cityscapes' own script, hence in the papers; ``'skip'``
            not at all, which does not depend on one stray pixel in a small test set.
        **kwargs: The arguments of mmseg's ``IoUMetric``.

    Raises:
        JointError: When an argument is unknown, or a protocol does not fit the dataset's classes.
    """

    def __init__(self, protocols: Any = 'all', absent: str = 'zero', **kwargs: Any) -> None:
        # mmseg's metric takes any argument and silently ignores a misspelt one
        known = {*inspect.signature(IoUMetric).parameters, 'keep_results'}
        unknown = sorted(set(kwargs) - known)
        if unknown:
            raise JointError(
                f"ProtocolIoUMetric has no argument '{unknown[0]}': correct the evaluator."
            )
        check_choice('ProtocolIoUMetric.absent', absent, ('zero', 'skip'))
        super().__init__(**kwargs)
        self.protocols, self.absent = named_protocols(protocols), absent
        self._indices: dict[str, Protocol] = {}
        self._file: str | None = None

    @property
    def dataset_meta(self) -> dict | None:
        """The dataset's metainfo; setting it, before training, checks the protocols."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, meta: dict) -> None:
        self._dataset_meta = meta
        self._indices = {
            name: protocol_indices(name, wanted, meta['classes'])
            for name, wanted in self.protocols.items()
        }

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the areas of each image, and save predictions if ``output_dir`` is given."""
        for sample in data_samples:
            self._file = sample.get('seg_map_path', sample.get('img_path'))
            super().process(data_batch, [sample])

    # mmseg's is static; as a method, it can use the protocols
    def intersect_and_union(
        self, pred_label: torch.Tensor, label: torch.Tensor, num_classes: int, ignore_index: int
    ) -> torch.Tensor:
        """Count the areas of one image (H, W) for every protocol.

        Returns:
            Integers, (P, 3, K): for each of P protocols the pixels of each of K classes that are
            right, predicted and labeled; 0 for classes that the protocol does not count.

        Raises:
            JointError: When the ground truth has a value that is not a class.
        """
        counted = label != ignore_index
        truth, guess = label[counted].long(), pred_label[counted].long()
        if truth.numel() and not 0 <= int(truth.min()) <= int(truth.max()) < num_classes:
            wrong = truth[(truth < 0) | (truth >= num_classes)][0]
            raise JointError(
                f'{self._file} has the value {int(wrong)}, but the dataset has {num_classes} '
                'classes: map its ids while loading.'
            )
        guess = torch.where((guess >= 0) & (guess < num_classes), guess, num_classes)  # or none
        width = num_classes + 1
        counts = torch.bincount(truth * width + guess, minlength=num_classes * width)
        confusion = counts.view(num_classes, width).cpu()
        areas = torch.zeros(len(self._indices), 3, num_classes, dtype=torch.int64)
        for row, (_, indices) in zip(areas, self._indices.values()):
            among = confusion[indices]  # only pixels of the counted classes
            row[0, indices] = confusion.diagonal()[indices]
            row[1, indices] = among[:, indices].sum(0)
            row[2, indices] = among.sum(1)
        return areas

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Sum up the images' areas and take the means, in percent with two decimals."""
        if self.format_only:
            return super().compute_metrics(results)
        areas = torch.stack(list(results)).sum(0).double()
        summary: dict[str, float] = {}
        columns: dict[str, dict[str, np.ndarray]] = {}
        for (name, (averaged, _)), counted in zip(self._indices.items(), areas):
            values = self._values(counted[:, averaged])
            means = {k if k == 'aAcc' else f'm{k}': _mean(v) for k, v in values.items()}
            summary = summary or dict(means)
            summary.update({f'{key}_{name}': value for key, value in means.items()})
            del values['aAcc']
            columns[name] = values
        logger = MMLogger.get_current_instance()
        print_log(f'per class and protocol:\n{self._table(columns)}', logger)
        return summary

    def _values(self, areas: torch.Tensor) -> dict[str, np.ndarray]:
        """Return metric → its value for each class, from areas of shape (3, classes)."""
        right, predicted, labeled = areas
        union = predicted + labeled - right
        values = self.total_area_to_metrics(
            right, union, predicted, labeled, self.metrics, beta=self.beta
        )
        absent = (labeled == 0).numpy() & (self.absent == 'skip')
        for key, value in values.items():
            if key != 'aAcc':
                values[key] = np.where(absent, np.nan, value)
            if self.nan_to_num is not None:
                values[key] = np.nan_to_num(values[key], nan=self.nan_to_num)
        return values

    def _table(self, columns: dict[str, dict[str, np.ndarray]]) -> str:
        table = PrettyTable()
        classes = (self.dataset_meta or {})['classes']
        table.add_column('Class', [*classes, 'mean'])
        for metric in next(iter(columns.values())):
            for name, (averaged, _) in self._indices.items():
                value = dict(zip(averaged, columns[name][metric]))
                cells = [f'{value[i] * 100:.2f}' if i in value else '' for i in range(len(classes))]
                mean = _mean(columns[name][metric])
                table.add_column(f'{metric} {name}', [*cells, f'{mean:.2f}'])
        return table.get_string()


def _mean(values: np.ndarray) -> float:
    """Return the mean of all but nan, in percent; nan, without a warning, if nothing is left."""
    known = np.asarray(values)[~np.isnan(values)]
    return round(float(known.mean()) * 100, 2) if known.size else float('nan')
