from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from mmseg_joint.errors import JointError
from mmseg_joint.study.cells import Cell, base_of
from mmseg_joint.study.rows import PAPER
from mmseg_joint.visualization.curves import COLORS
from mmseg_joint.visualization.figures import DPI, GRAY, TEXT_SIZE, TITLE_SIZE, WIDTH

from .rows import Table

ROW_HEIGHT, CURVES_HEIGHT = 0.26, 3.6  # inches
DODGE = 1.03  # between the places of two rows with as many labels
MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X')


def draw_table(table: Table, cells: Sequence[Cell], scale: str) -> Figure:
    """Draw a table: a bar a row, or, over several numbers of labels, a curve a row.

    The paper's numbers stand beside the measured ones at the paper's scale only; on other data they
    are no match. There the gain over the table's base row stands beside the bars, seed by seed.

    Args:
        table: The table.
        cells: Its rows, measured.
        scale: At which scale.

    Returns:
        The figure, with error bars of one standard deviation.

    Raises:
        JointError: When there is nothing to draw.
    """
    cells = [c for c in cells if c.runs or (scale == PAPER and c.paper is not None)]
    if not cells:
        raise JointError(
            f'{table.id} has no finished run at the scale "{scale}", so there is nothing '
            'to draw: give the --work-dirs of some, or --run the table.'
        )
    over_labels = any(len([c for c in cells if c.row.name == d.row.name]) > 1 for d in cells)
    bars = len(cells) * ROW_HEIGHT + 1.0
    figure = Figure(
        figsize=(WIDTH, CURVES_HEIGHT if over_labels else bars),
        dpi=DPI,
        facecolor='white',
        layout='constrained',
    )
    grid = 'both' if over_labels else 'x'
    bases = [None if scale == PAPER else base_of(table, cells, cell) for cell in cells]
    gains = [cell.gains(base) if base else [] for cell, base in zip(cells, bases)]
    if table.base and any(gains):
        shared = dict(sharex=True) if over_labels else dict(sharey=True)
        axes, beside = figure.subplots(1, 2, width_ratios=(3, 2), **shared)
        if over_labels:
            _draw_gain_curves(beside, cells, gains, table.base)
        else:
            _draw_gains(beside, gains, table.base)
        _decorate(beside, grid)
    else:
        axes = figure.add_subplot()
    (_draw_curves if over_labels else _draw_bars)(axes, cells, scale)
    axes.set_title(table.heading(scale), fontsize=TITLE_SIZE, loc='left')
    _decorate(axes, grid)
    return figure


def _draw_gains(axes: Axes, gains: Sequence[Sequence[float]], base: str) -> None:
    axes.axvline(0.0, color=GRAY, linewidth=0.8)
    for place, values in enumerate(gains):
        axes.plot(values, [place] * len(values), '|', color=GRAY, markersize=5)
        if values:
            style = dict(color=COLORS[1], markersize=4, capsize=2.5, elinewidth=1.0)
            axes.errorbar(mean(values), place, xerr=_spread(values), fmt='o', **style)
    axes.set_xlabel(f'points over {base},\neach seed and mean', fontsize=TEXT_SIZE, color=GRAY)


def _draw_gain_curves(
    axes: Axes, cells: Sequence[Cell], gains: Sequence[Sequence[float]], base: str
) -> None:
    axes.axhline(0.0, color=GRAY, linewidth=0.8)
    for name, shift, style in _curve_styles(cells):
        own = [
            (shift * cell.labels, values)
            for cell, values in zip(cells, gains)
            if cell.row.name == name and cell.labels is not None and values
        ]
        if own:
            seeds = [(place, value) for place, values in own for value in values]
            axes.plot(*zip(*seeds), '_', color=style['color'], markersize=5, alpha=0.6)
            points = [(place, mean(values), _spread(values)) for place, values in own]
            axes.errorbar(*zip(*points), capsize=2.5, linewidth=1.3, **style)
    label = f'points over {base}, each seed and mean'
    axes.set_ylabel(label, fontsize=TEXT_SIZE, color=GRAY)
    axes.set_xlabel('labeled target images', fontsize=TEXT_SIZE, color=GRAY)


def _spread(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else 0.0


def _curve_styles(cells: Sequence[Cell]) -> list[tuple[str, float, dict[str, Any]]]:
    """Each row's name, look, and a factor of its places that keeps error bars apart."""
    names = list(dict.fromkeys(cell.row.name for cell in cells))
    return [
        (
            name,
            DODGE ** (number - (len(names) - 1) / 2),
            dict(
                color=COLORS[number % len(COLORS)],
                marker=MARKERS[number % len(MARKERS)],
                markersize=3.5,
            ),
        )
        for number, name in enumerate(names)
    ]


def _draw_bars(axes: Axes, cells: Sequence[Cell], scale: str) -> None:
    places = range(len(cells))
    measured = [(place, cell) for place, cell in zip(places, cells) if cell.runs]
    if measured:
        bars = axes.barh(
            [place for place, _ in measured],
            [cell.mean for _, cell in measured],
            xerr=[cell.deviation or 0.0 for _, cell in measured],
            height=0.62,
            color=COLORS[0],
            alpha=0.75,
            error_kw=dict(ecolor=GRAY, elinewidth=1.0, capsize=2.5),
            label='measured',
        )
        numbers = [f'{cell.mean:.1f}' for _, cell in measured]
        axes.bar_label(bars, numbers, label_type='center', fontsize=TEXT_SIZE, color='white')
    quoted = [(place, c.paper) for place, c in zip(places, cells) if c.paper is not None]
    if scale == PAPER and quoted:
        axes.plot(
            *([value for _, value in quoted], [place for place, _ in quoted], 'D'),
            markersize=4,
            markerfacecolor='white',
            markeredgecolor=COLORS[1],
            label='paper',
        )
    seeds = [f' ({len(cell.runs)})' if len(cell.runs) > 1 else '' for cell in cells]
    axes.set_yticks(list(places), [cell.row.name + count for cell, count in zip(cells, seeds)])
    axes.invert_yaxis()
    ends = [(cell.mean or 0.0) + (cell.deviation or 0.0) for cell in cells]
    ends += [value for _, value in quoted if scale == PAPER]
    axes.set_xlim(0.0, 1.05 * max(ends))  # from zero: a bar's length is what is read
    axes.set_xlabel('mIoU (%)', fontsize=TEXT_SIZE, color=GRAY)
    if scale == PAPER and quoted and measured:
        place = dict(loc='upper left', bbox_to_anchor=(1.0, 1.0))
        axes.legend(fontsize=TEXT_SIZE, frameon=False, **place)


def _draw_curves(axes: Axes, cells: Sequence[Cell], scale: str) -> None:
    counts = sorted({cell.labels for cell in cells if cell.labels is not None})
    for name, shift, style in _curve_styles(cells):
        own = [cell for cell in cells if cell.row.name == name and cell.labels is not None]
        measured = [(shift * (c.labels or 0), c.mean, c.deviation or 0.0) for c in own if c.runs]
        if measured:
            labels, means, spreads = zip(*measured)
            axes.errorbar(
                *(labels, means, spreads), capsize=2.5, linewidth=1.3, label=name, **style
            )
        quoted = [(c.labels, c.paper) for c in own if c.paper is not None]
        if scale == PAPER and quoted:
            label = f'{name}, paper'
            faint = dict(linestyle='--', linewidth=0.8, markerfacecolor='white', label=label)
            axes.plot(*zip(*quoted), **style, **faint)
    # 0 has its place too, and half the least count is on the logarithmic side
    axes.set_xscale('symlog', linthresh=max(1, min(n for n in counts if n) / 2))
    axes.xaxis.set_major_locator(FixedLocator(counts))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([str(count) for count in counts])
    axes.set_xlabel('labeled target images', fontsize=TEXT_SIZE, color=GRAY)
    axes.set_ylabel('mIoU (%)', fontsize=TEXT_SIZE, color=GRAY)
    axes.legend(fontsize=TEXT_SIZE, frameon=False, ncols=2, loc='lower right')


def _decorate(axes: Axes, grid: str) -> None:
    axes.tick_params(labelsize=TEXT_SIZE, length=2, width=0.5, colors=GRAY)
    axes.grid(axis=grid, linewidth=0.4, color='0.9')
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set(visible=side in ('left', 'bottom'), linewidth=0.6, edgecolor='0.6')
