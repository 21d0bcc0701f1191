from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from mmseg_joint.errors import JointError

from .figures import GRAY, TEXT_SIZE, TITLE_SIZE, WIDTH, decorate, legend_style, new_figure
from .scalars import ACCURACY, MEAN_WEIGHT, PANELS, VALIDATION, Series, over_seeds, sort_into_panels

# Okabe and Ito's colors: distinguishable in every kind of color blindness.
COLORS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#000000', '#56B4E9')
STYLES = ('-', (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)), (0, (1, 3)))
SHARES = (MEAN_WEIGHT, ACCURACY)  # panels whose values are between 0 and 1
LOG_FROM = 30  # a loss axis is logarithmic from this ratio of largest to smallest median on
LEAST_RANGE = 0.1  # of an axis, relative to its middle
SMOOTH_POINTS = 60  # default number of distinct points of a loss curve
COLUMNS, PANEL_HEIGHT = 3, 1.75

Runs = Mapping[str, Sequence[dict[str, Series]]]


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Average each of `window` neighbors (fewer at the ends), ignoring NaN."""
    half = (min(window, len(values)) - 1) // 2
    if half == 0:
        return values
    known, neighbors = np.isfinite(values), np.ones(2 * half + 1)
    sums = np.convolve(np.where(known, values, 0), neighbors, 'same')
    counts = np.convolve(known, neighbors, 'same')
    with np.errstate(invalid='ignore'):
        return sums / counts


def draw_curves(runs: Runs, smooth: int | None = None) -> Figure:
    """Draw training curves; several seeds of a run appear as mean and range.

    Args:
        runs: Name -> what :func:`~mmseg_joint.visualization.scalars.read_scalars` returned for each
            of its seeds.
        smooth: Number of log entries averaged per point of a curve, by default a sixtieth of a
            run. Validation results are never averaged.

    Returns:
        The figure: one axes per panel with a curve, one color per name.

    Raises:
        JointError: When no run has a value that belongs into a panel.
    """
    panels = {name: [sort_into_panels(seed) for seed in seeds] for name, seeds in runs.items()}
    shown = [
        panel
        for panel in PANELS
        if any(panel in seed for found in panels.values() for seed in found)
    ]
    if not shown:
        raise JointError(
            f'There is nothing to draw in the logs of {", ".join(runs)}: no loss, accuracy of a '
            'discriminator or mIoU. Give the work dirs of training runs.'
        )
    columns = min(COLUMNS, len(shown))
    rows = ceil(len(shown) / columns)
    figure = new_figure(rows * (PANEL_HEIGHT + 0.35) + 0.3)
    grid = GridSpec(rows, columns, figure)
    for position, panel in enumerate(shown):
        last = position == len(shown) - 1  # it fills the rest of its row
        row, column = divmod(position, columns)
        axes = figure.add_subplot(grid[row, column : None if last else column + 1])
        curves = {
            name: [seed[panel] for seed in seeds if panel in seed] for name, seeds in panels.items()
        }
        if last:
            axes.set_xlabel('iteration', fontsize=TEXT_SIZE, color=GRAY, labelpad=1)
        _draw_panel(axes, panel, curves, 1 if panel == VALIDATION else smooth)
    _draw_names(figure, runs)
    return figure


def _draw_panel(axes: Axes, panel: str, runs: dict, smooth: int | None) -> None:
    labels = sorted({label for seeds in runs.values() for seed in seeds for label in seed})
    medians = []
    for number, (name, seeds) in enumerate(runs.items()):
        for label in labels:
            found = [seed[label] for seed in seeds if label in seed]
            if found:
                style = STYLES[labels.index(label) % len(STYLES)]
                curve = _draw_curve(axes, found, COLORS[number % len(COLORS)], style, smooth)
                curve.set_gid(f'{name}/{label}')
                medians.append(np.nanmedian(curve.get_ydata()))
                if panel == VALIDATION or len(curve.get_xdata()) == 1:  # no line shows one point
                    curve.set(marker='o', markersize=2.5)
    _decorate(axes, panel)
    least, greatest = min(medians), max(medians)
    if panel not in (*SHARES, VALIDATION) and 0 < LOG_FROM * least < greatest:
        axes.set_yscale('log')
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
    else:  # three digits distinguish the ticks
        low, high = axes.get_ylim()
        margin = max(0.0, LEAST_RANGE * abs(low + high) / 2 - (high - low)) / 2
        axes.set_ylim(low - margin, high + margin)
    axes.yaxis.set_major_formatter(FuncFormatter(short_number))
    if len(labels) > 1:
        _draw_labels(axes, labels)


def _draw_curve(
    axes: Axes, seeds: list[Series], color: str, style: object, smooth: int | None
) -> Line2D:
    steps, mean, least, greatest = over_seeds(seeds)
    window = max(1, len(steps) // SMOOTH_POINTS) if smooth is None else smooth
    mean, least, greatest = (running_mean(values, window) for values in (mean, least, greatest))
    if len(seeds) > 1:
        axes.fill_between(steps, least, greatest, color=color, alpha=0.18, linewidth=0)
    return axes.plot(steps, mean, color=color, linestyle=style, linewidth=1.1)[0]


def _decorate(axes: Axes, panel: str) -> None:
    axes.set_title(panel, fontsize=TITLE_SIZE, loc='left')
    decorate(axes)
    axes.tick_params(which='minor', length=1, width=0.4, colors=GRAY)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(short_number))
    if panel in SHARES:
        axes.set_ylim(-0.02, 1.02)
    if panel == ACCURACY:
        axes.axhline(0.5, color='0.7', linewidth=0.6, zorder=0)


def short_number(value: float, _: int = 0) -> str:
    """Write a number in three digits: 0.0007089 as 7.09e-4, and 20000 as 20k."""
    if abs(value) >= 999.5:  # three digits of it are 1000
        return f'{value / 1000:.3g}k'
    digits, exponent = f'{value:.2e}'.split('e')
    small = 0 < abs(value) < 0.01
    return f'{float(digits):g}e{int(exponent)}' if small else f'{value:.3g}'


def _draw_labels(axes: Axes, labels: list[str]) -> None:
    """Name the line styles under the panel."""
    shared = {label.split(' ')[0] for label in labels if ' ' in label}
    cut = len(shared) == 1 and all(' ' in label for label in labels)
    names = [label.split(' ', 1)[1] if cut else label for label in labels]
    handles = [
        Line2D([], [], color=GRAY, linewidth=1.1, linestyle=style, label=label)
        for label, style in zip(names, cycle(STYLES))
    ]
    place = (0.5, -0.24 if axes.get_xlabel() else -0.14)
    tight = dict(borderpad=0, borderaxespad=0.3, columnspacing=1.0, labelspacing=0.2)
    style = legend_style(fontsize=TEXT_SIZE - 0.5, handlelength=2.6, **tight)
    axes.legend(handles=handles, loc='upper center', bbox_to_anchor=place, ncols=2, **style)


def _draw_names(figure: Figure, runs: Runs) -> None:
    handles = []
    for number, (name, seeds) in enumerate(runs.items()):
        label = f'{name} ({len(seeds)} seeds)' if len(seeds) > 1 else name
        color = COLORS[number % len(COLORS)]
        handles.append(Line2D([], [], color=color, linewidth=2.5, label=label))
    longest = max(len(handle.get_label()) for handle in handles)
    figure.legend(
        handles=handles,
        loc='outside lower center',
        ncols=max(1, min(len(handles), int(WIDTH * 72 / (longest * 0.6 * TITLE_SIZE + 36)))),
        fontsize=TITLE_SIZE,
        frameon=False,
        handlelength=1.4,
    )
