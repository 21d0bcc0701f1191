"""What all figures share: size, image grid, and writing to disk."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from mmseg_joint.datasets.randomness import permutation
from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import atomic_write

WIDTH, DPI = 8.0, 200  # inches, pixels per inch: 1600 pixels, the width of a README
MARGIN, GAP, LINE = 0.06, 0.05, 0.16  # inches; LINE is a line of small text
TITLE_SIZE, TEXT_SIZE = 9, 7.5
GRAY = '0.35'
THIN: dict[str, Any] = {'linewidth': 0.4, 'edgecolor': '0.6'}
FORMATS = ('png', 'pdf', 'svg')
NO_VALUE = '0.75'  # color of a map's pixels without value
MAP_COLORS = matplotlib.colormaps['viridis'].with_extremes(bad=NO_VALUE)


def new_figure(height: float) -> Figure:
    """Make an empty figure as wide as a README, `height` inches high."""
    return Figure(figsize=(WIDTH, height), dpi=DPI, facecolor='white', layout='constrained')


def decorate(axes: Axes, grid: str = 'both') -> None:
    """Style axes: thin, with a faint grid along `'x'`, `'y'` or `'both'`."""
    axes.tick_params(labelsize=TEXT_SIZE, length=2, width=0.5, colors=GRAY)
    axes.grid(axis=grid, linewidth=0.4, color='0.9')
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set(visible=side in ('left', 'bottom'), linewidth=0.6, edgecolor='0.6')


def image_grid(
    rows: int, titles: Sequence[str], aspect: float, footer: float
) -> tuple[Figure, np.ndarray]:
    """Lay out images of one shape, edge to edge, with room for a caption under each.

    Args:
        rows: Number of rows.
        titles: One per column, above the first row; long ones are wrapped.
        aspect: Height of an image divided by its width.
        footer: Height in inches kept free at the bottom.

    Returns:
        The figure, and its axes by row and column.
    """
    columns = len(titles)
    characters = max(4, int(_cell_width(columns) * 72 / (0.55 * TITLE_SIZE)))
    wrapped = [textwrap.fill(title, characters) for title in titles]
    header = (TITLE_SIZE / 72 * 1.3) * max(text.count('\n') + 1 for text in wrapped) + 0.1
    figure, grid = image_axes(rows, columns, aspect, header, LINE + GAP, LINE + GAP + footer)
    for axes, text in zip(grid[0], wrapped):
        axes.set_title(text, fontsize=TITLE_SIZE, pad=4, parse_math=False)
    return figure, grid


def image_axes(
    rows: int, columns: int, aspect: float, above: float, between: float, below: float
) -> tuple[Figure, np.ndarray]:
    """Lay out axes without ticks for images whose height is `aspect` times their width.

    `above`, `between` and `below` are the inches kept free around the rows. Returns the figure, and
    its axes by row and column.
    """
    width, cell = max(WIDTH, 1.3 * columns), _cell_width(columns)
    tall = cell * aspect
    height = above + rows * (tall + between) - between + below
    edges = dict(left=MARGIN / width, right=1 - MARGIN / width)
    edges.update(top=1 - above / height, bottom=below / height)
    space = dict(wspace=GAP / cell, hspace=between / tall)
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor='white')
    grid = figure.subplots(rows, columns, squeeze=False, gridspec_kw={**edges, **space})
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(**THIN)
    return figure, grid


def _cell_width(columns: int) -> float:
    return (max(WIDTH, 1.3 * columns) - 2 * MARGIN + GAP) / columns - GAP


def legend_style(**changes: Any) -> dict[str, Any]:
    """Return the style of a small legend without a frame, with changes."""
    small = {'fontsize': TEXT_SIZE, 'labelcolor': GRAY, 'frameon': False, 'handlelength': 1.2}
    return {**small, 'borderpad': 0.2, 'borderaxespad': 0.2, **changes}


def draw_scale(
    figure: Figure,
    bottom: float,
    colors: ScalarMappable,
    ticks: dict[str, float],
    what: str,
    nothing: str,
) -> None:
    """Draw the color bar of maps, in the middle of the figure, between two words.

    `what` names the values; `nothing` names a pixel without a value. `ticks` maps text to value,
    and `bottom` is the bar's lower edge as a fraction of the figure's height.
    """
    height = figure.get_figheight()
    bar = figure.add_axes((0.4, bottom, 0.3, 0.1 / height))
    scale = figure.colorbar(colors, cax=bar, orientation='horizontal')
    scale.set_ticks(list(ticks.values()), labels=list(ticks))
    scale.minorticks_off()
    scale.outline.set(**THIN)
    bar.tick_params(labelsize=TEXT_SIZE, length=2, width=0.4, pad=2)
    middle = bottom + 0.05 / height
    figure.text(0.39, middle, what, fontsize=TEXT_SIZE, color=GRAY, ha='right', va='center')
    entry = Patch(facecolor=NO_VALUE, label=nothing)
    place = dict(loc='center left', bbox_to_anchor=(0.71, middle))
    figure.legend(handles=[entry], **place, **legend_style())


def caption(axes: Axes, text: str) -> None:
    """Write a small line under an image."""
    axes.set_xlabel(text, fontsize=TEXT_SIZE, labelpad=2, color=GRAY, parse_math=False)


def to_rgb(inputs: Tensor) -> np.ndarray:
    """Turn a packed image (3, H, W), 0-255, blue first, into (H, W, 3), `uint8`, red first."""
    image = inputs.detach().cpu().permute(1, 2, 0).flip(-1)
    return image.clamp(0, 255).byte().numpy()


def choose_images(size: int, count: int, seed: int) -> list[int]:
    """Choose `count` images of a dataset, spread over it; the seed chooses among neighbors."""
    count = min(count, size)
    ends = [size * part // count for part in range(count + 1)]
    return [
        int(start + permutation(end - start, seed, 'figure', start)[0])
        for start, end in zip(ends, ends[1:])
    ]


def check_figure(path: str | Path) -> str:
    """Return the format of a figure's file; refuse a bad path before the work starts.

    Raises:
        JointError: When the format is unknown, or the path is a folder.
    """
    kind = Path(path).suffix[1:].lower()
    if kind not in FORMATS:
        raise JointError(
            f'A figure cannot be written to {path}: end its name in .{", .".join(FORMATS)}.'
        )
    if Path(path).is_dir():
        raise JointError(
            f'A figure cannot be written to {path}: it is a folder, so name a file in it.'
        )
    return kind


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure atomically: its path never holds half a file.

    Raises:
        JointError: When the format is unknown, or the file cannot be written.
    """
    kind = check_figure(path)
    atomic_write(path, lambda partial: figure.savefig(partial, format=kind, dpi=figure.dpi))
