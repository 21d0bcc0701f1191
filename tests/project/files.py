"""Writes images and labels of five classes, in any layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_joint.project.folders import Found
from tests.conftest import scene

COLORS = np.array([[9, 8, 7], [60, 160, 60], [200, 60, 160], [130, 130, 130], [0, 0, 255]])


def write(
    root: Path, image: str, label: str | None, count: int, first: int, color=False, ids=range(5)
) -> None:
    """Write images of five classes; the names are format strings for the number."""
    for i in range(count):
        pixels, labels = scene(first + i, range(5), 64, 96)
        path = root / image.format(i)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        if label:
            path = root / label.format(i)
            path.parent.mkdir(parents=True, exist_ok=True)
            values = COLORS if color else np.array(ids)
            Image.fromarray(values[labels].astype(np.uint8)).save(path)


def found(names=('a', 'b'), labels='labels', size=(100, 70), in_color=False, listed=False) -> Found:
    """Describe a folder of images without writing any."""
    suffix = '.png' if labels else ''
    place = (Path('/data'), 'images', labels, '.jpg', suffix)
    return Found(*place, tuple(names), size, in_color, listed, [])
