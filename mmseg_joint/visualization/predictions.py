from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import cv2
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from mmseg.evaluation import IoUMetric
from torch import nn

from mmseg_joint.errors import JointError

from .figures import LINE, THIN, caption, image_grid, legend_style, to_rgb

IGNORED, RIGHT, WRONG = (255, 255, 255), (225, 225, 225), (213, 0, 0)  # colors
LEGEND_COLUMNS = 7
NAME_LENGTH = 22  # characters of an image's name that fit


@dataclass
class PredictedImage:
    """An image, its labels and the predictions of some models."""

    image: np.ndarray  #: (H, W, 3), `uint8`, red first
    labels: np.ndarray  #: class of each pixel, (H, W)
    predictions: dict[str, np.ndarray]  #: model's name -> class of each pixel, (H, W)
    name: str = ''  #: the image's file


def labeled_image(packed: dict) -> PredictedImage:
    """Extract image and labels from a packed sample, both at the labels' size.

    Raises:
        JointError: When the sample has no label.
    """
    sample = packed['data_samples']
    if 'gt_sem_seg' not in sample:
        path = sample.metainfo.get('img_path', 'A test image')
        raise JointError(f'{path} has no label: load annotations in the test pipeline.')
    labels = sample.gt_sem_seg.data[0].cpu().numpy()
    image = to_rgb(packed['inputs'])
    if image.shape[:2] != labels.shape:
        image = cv2.resize(image, labels.shape[::-1], interpolation=cv2.INTER_AREA)
    return PredictedImage(image, labels, {}, Path(sample.metainfo.get('img_path', '')).name)


@torch.no_grad()
def predict(model: nn.Module, packed: dict) -> np.ndarray:
    """Predict a packed image as a test run does: the class of each original pixel, (H, W)."""
    batch = {'inputs': [packed['inputs']], 'data_samples': [packed['data_samples']]}
    return model.test_step(batch)[0].pred_sem_seg.data[0].cpu().numpy()


def image_iou(prediction: np.ndarray, labels: np.ndarray) -> float:
    """Compute one image's mean IoU, in [0, 1], over the classes in its labels; NaN if none.

    Args:
        prediction: Class of each pixel, (H, W).
        labels: True class of each pixel, (H, W); 255 does not count.
    """
    maps = torch.from_numpy(prediction), torch.from_numpy(labels)
    both, either, _, true = IoUMetric.intersect_and_union(*maps, num_classes=256, ignore_index=255)
    return float((both / either)[true > 0].mean())


def paint(classes: np.ndarray, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Paint class indices (H, W) in the palette's colors: (H, W, 3), `uint8`.

    Indices beyond the palette, such as 255, become white.
    """
    table = np.full((256, 3), IGNORED, dtype=np.uint8)
    table[: len(palette)] = palette
    return table[classes.astype(np.uint8)]


def draw_predictions(
    images: Sequence[PredictedImage], metainfo: Mapping, scores: Mapping[str, str] | None = None
) -> Figure:
    """Draw Fig. 5 of the HRS paper: image, ground truth, one column per model, with its errors.

    Args:
        images: One per row, all with the same models.
        metainfo: The dataset's `classes` and `palette`.
        scores: Model's name -> text about its score on the whole dataset.

    Returns:
        The figure: its axes row by row, the predictions and then their errors, and one legend.
    """
    drawn = [classes for row in images for classes in (row.labels, *row.predictions.values())]
    entries = class_entries(drawn, metainfo)
    entries.append(Patch(facecolor=np.array(WRONG) / 255, label='wrong'))
    lines = ceil(len(entries) / LEGEND_COLUMNS)
    models = [
        f'{name}, {scores[name]}' if scores and name in scores else name
        for name in images[0].predictions
    ]
    aspect = max(row.image.shape[0] / row.image.shape[1] for row in images)
    titles, footer = ['image', 'ground truth', *models], LINE * lines + 0.08
    figure, grid = image_grid(2 * len(images), titles, aspect, footer)
    for axes, below, row in zip(grid[::2], grid[1::2], images):
        axes[0].imshow(row.image, interpolation='antialiased')
        caption(axes[0], row.name if len(row.name) < NAME_LENGTH else f'…{row.name[-NAME_LENGTH:]}')
        for panel, classes in zip(axes[1:], [row.labels, *row.predictions.values()]):
            panel.imshow(paint(classes, metainfo['palette']), interpolation='nearest')
        for unused in below[:2]:
            unused.remove()
        for panel, errors, prediction in zip(axes[2:], below[2:], row.predictions.values()):
            caption(panel, f'mIoU {100 * image_iou(prediction, row.labels):.1f}')
            wrong, known = prediction != row.labels, row.labels < len(metainfo['classes'])
            colors = np.array([IGNORED, RIGHT, WRONG], dtype=np.uint8)
            errors.imshow(colors[known * (1 + wrong)], interpolation='nearest')
            caption(errors, f'{100 * wrong[known].mean():.1f} % wrong' if known.any() else '')
    draw_class_legend(figure, entries)
    return figure


def class_entries(maps: Iterable[np.ndarray], metainfo: Mapping) -> list[Patch]:
    """Make legend entries for the classes that occur; other values stand for "no label"."""
    found = {index for classes in maps for index in np.unique(classes).tolist()}
    names, palette = metainfo['classes'], np.array(metainfo['palette']) / 255
    known = [index for index in sorted(found) if 0 <= index < len(names)]
    entries = [Patch(facecolor=palette[index], label=names[index]) for index in known]
    if len(known) < len(found):
        entries.append(Patch(facecolor=np.array(IGNORED) / 255, label='no label', **THIN))
    return entries


def draw_class_legend(figure: Figure, entries: list[Patch]) -> None:
    """Draw the legend of :func:`class_entries` along the lower edge of a figure."""
    columns = min(len(entries), LEGEND_COLUMNS)
    style = legend_style(columnspacing=1.4, labelspacing=0.35)
    figure.legend(handles=entries, loc='lower center', ncols=columns, **style)
