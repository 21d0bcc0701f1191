from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmseg_joint.visualization.figures import TEXT_SIZE, TITLE_SIZE, decorate, new_figure

from .cells import Cell
from .charts import ROW_HEIGHT, SMALL, Chart
from .methods import TARGET_ONLY
from .results import Results
from .statistics import Gain, half_width, paired, signed

LONGEST = 40  # most rows in the chart of class gains


def draw_study(results: Results) -> Figure:
    """Draw a study: label curves (or bars), gains over the target alone, and each class's gains.

    The error bars are one standard deviation for scores and the 95 % interval for gains.
    """
    cells = results.measured
    bases = [results.base_of(cell) for cell in cells]
    gains = [paired(c.scores(), b.scores()) if b else [] for c, b in zip(cells, bases)]
    shown = 'seeds, mean, 95 % interval'
    chart = Chart(cells, gains, TARGET_ONLY, spread=_half_interval, shown=shown)
    rows = [cell for cell in cells if results.class_gains(cell)][:LONGEST]
    heights = [chart.height, *([(len(rows) + 5) * ROW_HEIGHT] if rows else [])]
    figure = new_figure(sum(heights))
    parts = np.atleast_1d(figure.subfigures(len(heights), 1, height_ratios=heights))
    chart.draw(parts[0], 'mIoU after the last iteration')
    if rows:
        _draw_classes(parts[1].subplots(), results, rows)
    return figure


def _half_interval(values: Sequence[float]) -> float:
    return float(half_width(values)) if len(values) > 1 else 0.0


def _draw_classes(axes: Axes, results: Results, rows: Sequence[Cell]) -> None:
    """Draw a row per method and number of labels, a column per class; possible noise is gray."""
    classes = results.classes
    found: list[dict[str, Gain]] = [results.class_gains(cell) for cell in rows]
    values = np.array([[g[n].mean if n in g else np.nan for n in classes] for g in found])
    limit = max(1.0, float(np.nanmax(np.abs(values))))
    axes.imshow(values, cmap='RdBu', vmin=-2 * limit, vmax=2 * limit, aspect='auto')
    for row, gains in enumerate(found):
        for column, name in enumerate(classes):
            if name in gains:
                excludes_zero = gains[name].excludes_zero
                bold = dict(color='black', weight='bold')
                look = bold if excludes_zero else dict(color='0.25')
                place = dict(fontsize=TEXT_SIZE, ha='center', va='center')
                axes.text(column, row, signed(gains[name].mean), **place, **look)
    names = [f'{cell.row.name}, {cell.labels} labels' for cell in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_xticks(range(len(classes)), classes, rotation=35, ha='right', rotation_mode='anchor')
    decorate(axes, 'both')
    axes.grid(visible=False)
    title = 'gain of each class over the target alone, in points of IoU'
    axes.set_title(title, fontsize=TITLE_SIZE, loc='left')
    axes.set_xlabel('bold: the 95 % interval of the seeds excludes 0', **SMALL)
