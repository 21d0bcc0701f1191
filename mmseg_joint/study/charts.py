"""Scores as bars or label curves, with gains beside them: a paper's table's or a study's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan
from statistics import mean, stdev
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import FixedLocator, NullLocator

from mmseg_joint.visualization.curves import COLORS
from mmseg_joint.visualization.figures import GRAY, TEXT_SIZE, TITLE_SIZE, decorate

from .cells import Cell

ROW_HEIGHT, CURVES_HEIGHT = 0.26, 3.6  # inches
LONGEST_BAR = 3.0  # times the largest gain
DODGE = 1.05  # between the places of two rows with as many labels
MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X')


def deviation(values: Sequence[float]) -> float:
    """Half of an error bar: the sample standard deviation, 0 for one value."""
    return stdev(values) if len(values) > 1 else 0.0


@dataclass(frozen=True)
class Chart:
    """Rows with one number of labels as bars, with several as curves."""

    cells: Sequence[Cell]  #: the rows, measured
    #: of each over the base, seed by seed; none for the base itself
    gains: Sequence[Sequence[float]]
    base: str | None  #: name of the base row, if there is one
    expected: bool = False  #: whether the expected numbers are drawn, too
    spread: Callable[[Sequence[float]], float] = deviation  #: half of the error bar of some gains
    shown: str = 'each seed and mean'  #: what is drawn of gains, for the axis

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
        """Draw it into an empty figure, or a part of one."""
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
        """Let long error bars end at the axes' edge, or the points would be one line."""
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
        axes.set_xlabel(
            f'points over {self.base},\neach seed and mean', fontsize=TEXT_SIZE, color=GRAY
        )

    def _draw_gain_curves(self, axes: Axes) -> None:
        axes.axhline(0.0, color=GRAY, linewidth=0.8)
        for name, shift, style in _curve_styles(self.cells):
            own = [
                (shift * cell.labels, values)
                for cell, values in zip(self.cells, self.gains)
                if cell.row.name == name and cell.labels is not None and values
            ]
            if own:
                seeds = [(place, value) for place, values in own for value in values]
                axes.plot(*zip(*seeds), '_', color=style['color'], markersize=5, alpha=0.6)
                points = [(place, mean(values), self.spread(values)) for place, values in own]
                axes.errorbar(*zip(*points), capsize=2.5, linewidth=1.3, **style)
        label = f'points over {self.base}, {self.shown}'
        axes.set_ylabel(label, fontsize=TEXT_SIZE, color=GRAY)
        axes.set_xlabel('labeled target images', fontsize=TEXT_SIZE, color=GRAY)

    def _draw_bars(self, axes: Axes) -> None:
        places = range(len(self.cells))
        measured = [(place, cell) for place, cell in zip(places, self.cells) if cell.runs]
        if measured:
            bars = axes.barh(
                [place for place, _ in measured],
                [cell.mean for _, cell in measured],
                xerr=[cell.deviation or nan for _, cell in measured],  # none of one seed
                height=0.62,
                color=COLORS[0],
                alpha=0.75,
                error_kw=dict(ecolor=GRAY, elinewidth=1.0, capsize=2.5),
                label='measured',
            )
            numbers = [f'{cell.mean:.1f}' for _, cell in measured]
            axes.bar_label(bars, numbers, label_type='center', fontsize=TEXT_SIZE, color='white')
        quoted = [(place, c.paper) for place, c in zip(places, self.cells) if c.paper is not None]
        if self.expected and quoted:
            axes.plot(
                *([value for _, value in quoted], [place for place, _ in quoted], 'D'),
                markersize=4,
                markerfacecolor='white',
                markeredgecolor=COLORS[1],
                label='paper',
            )
        seeds = [f' ({len(cell.runs)})' if len(cell.runs) > 1 else '' for cell in self.cells]
        axes.set_yticks(
            list(places), [cell.row.name + count for cell, count in zip(self.cells, seeds)]
        )
        axes.invert_yaxis()
        ends = [(cell.mean or 0.0) + (cell.deviation or 0.0) for cell in self.cells]
        ends += [value for _, value in quoted if self.expected]
        axes.set_xlim(0.0, 1.05 * max(ends))  # from zero: a bar's length is what is read
        axes.set_xlabel('mIoU (%)', fontsize=TEXT_SIZE, color=GRAY)
        if self.expected and quoted and measured:
            place = dict(loc='upper left', bbox_to_anchor=(1.0, 1.0))
            axes.legend(fontsize=TEXT_SIZE, frameon=False, **place)

    def _draw_curves(self, axes: Axes) -> None:
        counts = sorted({cell.labels for cell in self.cells if cell.labels is not None})
        for name, shift, style in _curve_styles(self.cells):
            own = [cell for cell in self.cells if cell.row.name == name and cell.labels is not None]
            measured = [
                (shift * (c.labels or 0), c.mean, c.deviation or 0.0) for c in own if c.runs
            ]
            if measured:
                labels, means, spreads = zip(*measured)
                axes.errorbar(
                    *(labels, means, spreads), capsize=2.5, linewidth=1.3, label=name, **style
                )
            quoted = [(c.labels, c.paper) for c in own if c.paper is not None]
            if self.expected and quoted:
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
        axes.legend(fontsize=TEXT_SIZE, frameon=False, ncols=2, loc='best')


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
