from __future__ import annotations

from collections.abc import Mapping
from math import ceil

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from .figures import (
    GAP,
    GRAY,
    LINE,
    MAP_COLORS,
    MARGIN,
    TEXT_SIZE,
    TITLE_SIZE,
    caption,
    draw_scale,
    image_axes,
)
from .inspection import LABEL, PREDICTION, Inspection
from .predictions import LEGEND_COLUMNS, class_entries, draw_class_legend, image_iou, paint

COLUMNS = 4
TICKS = {'0': 0.0, '¼': 0.25, '½': 0.5, '¾': 0.75, '1': 1.0}
DPI = 150  # 1200 pixels wide: a sheet is drawn while the GPU waits
TITLE = TITLE_SIZE / 72 * 1.5  # inches, for the line above an image
HEADER, BAR = 0.3, 0.4  # inches, for the sheet's title and the color bar
TITLE_LENGTH, FILE_LENGTH = 29, 70  # characters that fit


def draw_sheet(inspection: Inspection, title: str, metainfo: Mapping, file: str = '') -> Figure:
    """Draw everything in the inspection of one image on one sheet.

    The figure has one axes for each entry of `inspection`, in its order, then the color bar's.
    """
    height, width = next(iter(inspection.values())).shape[:2]
    entries = class_entries(filter(_is_class, inspection.values()), metainfo)
    legend = LINE * ceil(len(entries) / LEGEND_COLUMNS) + 0.1
    rows, line = ceil(len(inspection) / COLUMNS), LINE + GAP
    figure, grid = image_axes(
        rows, COLUMNS, height / width, HEADER + TITLE, TITLE + line, line + legend + BAR
    )
    figure.dpi = DPI
    _draw_header(figure, title, file)
    for unused in grid.flat[len(inspection) :]:
        unused.remove()
    for axes, (name, values) in zip(grid.flat, inspection.items()):
        _draw(axes, name, values, metainfo['palette'])
        caption(axes, _said(name, values, inspection.get(LABEL)))
    colors = ScalarMappable(Normalize(0, 1), MAP_COLORS)
    words = ('value in a map, confidence', 'no value')
    draw_scale(figure, (legend + 0.2) / figure.get_figheight(), colors, TICKS, *words)
    draw_class_legend(figure, entries)
    return figure


def to_array(figure: Figure) -> np.ndarray:
    """Turn a figure into an image, (H, W, 3), `uint8`, red first."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def to_png(image: np.ndarray) -> bytes:
    """Turn an image, (H, W, 3), `uint8`, red first, into the content of a PNG file."""
    return cv2.imencode('.png', image[..., ::-1])[1].tobytes()


def _draw_header(figure: Figure, title: str, file: str) -> None:
    width, height = figure.get_size_inches()
    left, top = MARGIN / width, 1 - 0.1 / height
    figure.text(left, top, title, fontsize=TITLE_SIZE + 2, va='top')
    file = file if len(file) <= FILE_LENGTH else f'…{file[-FILE_LENGTH:]}'
    style = dict(fontsize=TEXT_SIZE, color=GRAY, ha='right', va='top', parse_math=False)
    figure.text(1 - left, top, file, **style)


def _draw(axes: Axes, name: str, values: np.ndarray, palette: list) -> None:
    size = TITLE_SIZE * min(1, TITLE_LENGTH / len(name))
    axes.set_title(name, fontsize=size, pad=3, parse_math=False)
    if values.ndim == 3:
        axes.imshow(values, interpolation='antialiased')
    elif _is_class(values):
        axes.imshow(paint(values, palette), interpolation='nearest')
    else:
        axes.imshow(values, cmap=MAP_COLORS, vmin=0, vmax=1, interpolation='nearest')


def _said(name: str, values: np.ndarray, labels: np.ndarray | None) -> str:
    """Return the caption of an image."""
    if name == PREDICTION and labels is not None:
        return f'mIoU {100 * image_iou(values, labels):.1f}'
    if values.ndim == 3 or name in (LABEL, PREDICTION):
        return ''
    if _is_class(values):
        return f'{100 * (values >= 0).mean():.0f} % of the pixels'
    known = values[~np.isnan(values)]
    return f'mean {known.mean():.2f}' if known.size else 'nowhere'


def _is_class(values: np.ndarray) -> bool:
    return values.ndim == 2 and np.issubdtype(values.dtype, np.integer)
