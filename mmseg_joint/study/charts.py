"""Charts of a table or a study: scores as bars or label curves, with gains beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import nan
from statistics import mean, stdev
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from mmseg_joint.visualization.curves import COLORS
from mmseg_joint.visualization.figures import GRAY, TEXT_SIZE, TITLE_SIZE, decorate

from .cells import Cell

ROW_HEIGHT, CURVES_HEIGHT = 0.26, 3.6  # inches
LONGEST_BAR = 3.0  # times the largest gain
DODGE = 1.05  # between the positions of two rows with the same number of labels
SMALL: dict[str, Any] = {'fontsize': TEXT_SIZE, 'color': GRAY}
MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X')


def deviation(values: Sequence[float]) -> float:
    """Return half an error bar: the sample standard deviation, 0 for one value."""
    return stdev(values) if len(values) > 1 else 0.0


@dataclass(frozen=True)
class Chart:
    """A chart of rows: bars for one number of labels, curves for several."""

    cells: Sequence[Cell]  #: the measured rows
    #: gains of each row over the base, seed by seed; none for the base itself
    gains: Sequence[Sequence[float]]
    base: str | None  #: name of the base row, if there is one
    expected: bool = False  #: whether the expected numbers are also drawn
    spread: Callable[[Sequence[float]], float] = deviation  #: computes half an error bar from gains
    shown: str = 'each seed and mean'  #: axis label saying how gains are drawn

    @property
    def over_labels(self) -> bool:
        """Whether a row has several numbers of labels."""
        names = [cell.row.name for cell in self.cells]
        return len(set(names)) < len(names)

    @property
    def height(self) -> float:
        """In inches."""
        return CURVES_HEIGHT if self.over_labels else len(self.cells) * ROW_HEIGHT + 1.0

    def draw(self, figure: FigureBase, title: str) -> None:
        """Draw the chart into an empty figure, or a part of one."""
        grid = 'both' if self.over_labels else 'x'
        if self.base and any(self.gains):
            shared = dict(sharex=True) if self.over_labels else dict(sharey=True)
            axes, beside = figure.subplots(1, 2, width_ratios=(3, 2), **shared)
            (self._draw_gain_curves if self.over_labels else self._draw_gains)(beside)
            self._limit(beside)
            decorate(beside, grid)
        else:
            axes = figure.add_subplot()
        (self._draw_curves if self.over_labels else self._draw_bars)(axes)
        axes.set_title(title, fontsize=TITLE_SIZE, loc='left')
        decorate(axes, grid)

    def _limit(self, axes: Axes) -> None:
        """Clip long error bars at the axes' edge; otherwise they would squeeze the points."""
        most = LONGEST_BAR * max(abs(value) for values in self.gains for value in values)
        low, high = axes.get_ylim() if self.over_labels else axes.get_xlim()
        set_limits = axes.set_ylim if self.over_labels else axes.set_xlim
        if most:
            set_limits(max(low, -most), min(high, most))

    def _draw_gains(self, axes: Axes) -> None:
        axes.axvline(0.0, color=GRAY, linewidth=0.8)
        for place, values in enumerate(self.gains):
            axes.plot(values, [place] * len(values), '|', color=GRAY, markersize=5)
            if values:
                style = dict(color=COLORS[1], markersize=4, capsize=2.5, elinewidth=1.0)
                axes.errorbar(mean(values), place, xerr=self.spread(values), fmt='o', **style)
        axes.set_xlabel(f'points over {self.base},\n{self.shown}', **SMALL)

    def _draw_gain_curves(self, axes: Axes) -> None:
        axes.axhline(0.0, color=GRAY, linewidth=0.8)
        for points, style in self._curves():
            seeds = [(place, value) for place, _, values in points for value in values]
            if seeds:
                axes.plot(*zip(*seeds), '_', color=style['color'], markersize=5, alpha=0.6)
                means = [(place, mean(v), self.spread(v)) for place, _, v in points if v]
                axes.errorbar(*zip(*means), capsize=2.5, linewidth=1.3, **style)
        axes.set_ylabel(f'points over {self.base}, {self.shown}', **SMALL)
        axes.set_xlabel('labeled target images', **SMALL)

    def _draw_bars(self, axes: Axes) -> None:
        measured = [(place, cell) for place, cell in enumerate(self.cells) if cell.runs]
        if measured:
            bars = axes.barh(
                [place for place, _ in measured],
                [cell.mean for _, cell in measured],
                xerr=[cell.deviation or nan for _, cell in measured],  # no bar for a single seed
                height=0.62,
                color=COLORS[0],
                alpha=0.75,
                error_kw=dict(ecolor=GRAY, elinewidth=1.0, capsize=2.5),
                label='measured',
            )
            axes.bar_label(bars, fmt='%.1f', label_type='center', fontsize=TEXT_SIZE, color='white')
        ends = [(cell.mean or 0.0) + (cell.deviation or 0.0) for cell in self.cells]
        quoted = [(c.paper, place) for place, c in enumerate(self.cells) if c.paper is not None]
        if self.expected and quoted:
            look = dict(markersize=4, markerfacecolor='white', markeredgecolor=COLORS[1])
            axes.plot(*zip(*quoted), 'D', label='paper', **look)
            ends += [value for value, _ in quoted]
            if measured:
                place = dict(loc='upper left', bbox_to_anchor=(1.0, 1.0))
                axes.legend(fontsize=TEXT_SIZE, frameon=False, **place)
        seeds = [f' ({len(cell.runs)})' if len(cell.runs) > 1 else '' for cell in self.cells]
        names = [cell.row.name + count for cell, count in zip(self.cells, seeds)]
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xlim(0.0, 1.05 * max(ends))  # start at zero: readers compare the lengths of bars
        axes.set_xlabel('mIoU (%)', **SMALL)

    def _draw_curves(self, axes: Axes) -> None:
        for points, style in self._curves():
            measured = [(place, c.mean, c.deviation or 0.0) for place, c, _ in points if c.runs]
            if measured:
                axes.errorbar(*zip(*measured), capsize=2.5, linewidth=1.3, **style)
            quoted = [(c.labels, c.paper) for _, c, _ in points if c.paper is not None]
            if self.expected and quoted:
                faint = dict(linestyle='--', linewidth=0.8, markerfacecolor='white')
                axes.plot(*zip(*quoted), **{**style, **faint, 'label': f'{style["label"]}, paper'})
        counts = sorted({cell.labels for cell in self.cells if cell.labels is not None})
        # symlog leaves room for 0, and half the least count is in its logarithmic part
        axes.set_xscale('symlog', linthresh=max(1, min(n for n in counts if n) / 2))
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.minorticks_off()
        axes.set_xlabel('labeled target images', **SMALL)
        axes.set_ylabel('mIoU (%)', **SMALL)
        axes.legend(fontsize=TEXT_SIZE, frameon=False, ncols=2, loc='best')

    def _curves(self) -> Iterator[tuple[list[tuple[float, Cell, Sequence[float]]], dict[str, Any]]]:
        """Yield each row's points (position, cell, gains), shifted apart, and its style."""
        names = list(dict.fromkeys(cell.row.name for cell in self.cells))
        for number, name in enumerate(names):
            shift = DODGE ** (number - (len(names) - 1) / 2)
            yield (
                [
                    (shift * cell.labels, cell, values)
                    for cell, values in zip(self.cells, self.gains)
                    if cell.row.name == name and cell.labels is not None
                ],
                dict(
                    label=name,
                    color=COLORS[number % len(COLORS)],
                    marker=MARKERS[number % len(MARKERS)],
                    markersize=3.5,
                ),
            )
