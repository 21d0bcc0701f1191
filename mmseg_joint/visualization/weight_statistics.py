from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .curves import COLORS
from .figures import GRAY, MAP_COLORS, TEXT_SIZE, THIN, TITLE_SIZE, legend_style, new_figure
from .weighting_maps import WeightedImage

MOST_LETTERS = 30  # of the checkpoints' names that fit side by side under an axis


@dataclass
class WeightStatistics:
    """Statistics of what a checkpoint's weighting maps select among labeled source pixels."""

    #: weight -> share of the pixels that have it; the shares add up to 1
    shares: dict[float, float]
    right: float  #: mean weight of correctly classified pixels; NaN if there are none
    wrong: float  #: mean weight of the other pixels
    levels: dict[str, float]  #: level -> mean of H_k
    classes: np.ndarray  #: mean weight of each class's pixels, (C,); NaN for a class without pixels

    @property
    def mean(self) -> float:
        """The mean weight."""
        return sum(weight * share for weight, share in self.shares.items())


def weight_statistics(images: Sequence[WeightedImage], num_classes: int) -> WeightStatistics:
    """Compute what the maps of some source images select, over all their labeled pixels."""
    known = [~np.isnan(image.total) for image in images]

    def labeled(maps: Sequence[np.ndarray]) -> np.ndarray:
        return np.concatenate([values[where] for values, where in zip(maps, known)])

    weights = labeled([image.total for image in images])
    labels = labeled([image.labels for image in images])
    right = labels == labeled([image.prediction for image in images])
    votes = len(images[0].levels)
    counts = np.bincount(np.rint(weights * votes).astype(int), minlength=votes + 1)
    pixels = np.bincount(labels, minlength=num_classes)
    sums = np.bincount(labels, weights=weights, minlength=num_classes)
    return WeightStatistics(
        shares={vote / votes: float(count / len(weights)) for vote, count in enumerate(counts)},
        right=_mean(weights[right]),
        wrong=_mean(weights[~right]),
        levels={
            level: _mean(labeled([image.levels[level] for image in images]))
            for level in images[0].levels
        },
        classes=np.divide(sums, pixels, out=np.full(num_classes, np.nan), where=pixels > 0),
    )


def draw_weight_statistics(
    statistics: dict[str, WeightStatistics], class_names: Sequence[str]
) -> Figure:
    """Draw how the selection changes: histogram, means by prediction and level, and by class."""
    style = {'font.size': TEXT_SIZE, 'axes.titlesize': TITLE_SIZE, 'axes.labelcolor': GRAY}
    with matplotlib.rc_context(style):
        figure = new_figure(max(3.4, 1.4 + 0.17 * len(class_names)))
        histogram, means, classes = figure.subplots(1, 3, width_ratios=(1, 1, 1.2))
        _draw_histogram(histogram, statistics)
        _draw_means(means, statistics)
        table = np.stack([entry.classes for entry in statistics.values()], axis=1)
        image = classes.imshow(table, cmap=MAP_COLORS, vmin=0, vmax=1, aspect='auto')
        classes.set_yticks(range(len(class_names)), class_names)
        figure.colorbar(image, ax=classes, shrink=0.9, label='mean weight (gray: no pixel)')
        histogram.set(title='how often each weight occurs', ylabel='share of labeled pixels')
        means.set(title='weight by prediction and level', ylabel='mean weight')
        classes.set(title='weight by class')
        crowded = sum(map(len, statistics)) > MOST_LETTERS
        turned = {'rotation': 45, 'ha': 'right', 'rotation_mode': 'anchor'} if crowded else {}
        for axes in (histogram, means, classes):
            axes.set_xticks(range(len(statistics)), list(statistics), **turned)
            axes.set_xlabel('checkpoint')
    return figure


def _draw_histogram(axes: Axes, statistics: dict[str, WeightStatistics]) -> None:
    weights = list(next(iter(statistics.values())).shares)
    shades = MAP_COLORS(np.asarray(weights))
    bottom = np.zeros(len(statistics))
    for weight, shade in zip(weights, shades):
        heights = np.array([entry.shares[weight] for entry in statistics.values()])
        style = {'color': shade, 'label': f'weight {weight:.2g}', **THIN}
        axes.bar(range(len(heights)), heights, bottom=bottom, **style)
        bottom += heights
    axes.set_ylim(0, 1)
    _draw_legend(axes)


def _draw_means(axes: Axes, statistics: dict[str, WeightStatistics]) -> None:
    entries = list(statistics.values())
    lines = {
        'predicted right': [entry.right for entry in entries],
        'predicted wrong': [entry.wrong for entry in entries],
    }
    for level in entries[0].levels:
        lines[f'{level} level'] = [entry.levels[level] for entry in entries]
    for (name, values), color in zip(lines.items(), COLORS):
        style = '--' if name.endswith('level') else '-'
        axes.plot(values, style, marker='.', color=color, label=name, linewidth=1.2)
    axes.set_ylim(-0.03, 1.03)
    _draw_legend(axes)


def _draw_legend(axes: Axes) -> None:
    below = {'loc': 'upper center', 'bbox_to_anchor': (0.5, -0.24), 'ncols': 2}
    axes.legend(**below, **legend_style(columnspacing=1))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float('nan')
