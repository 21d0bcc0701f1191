from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmseg_joint.datasets.label_maps import IGNORE
from mmseg_joint.datasets.transforms.label_files import check_image
from mmseg_joint.datasets.transforms.loading import LoadMappedAnnotations
from mmseg_joint.errors import JointError

SHOWN = 4  # colors named in an error


@TRANSFORMS.register_module()
class LoadColorAnnotations(LoadMappedAnnotations):
    """Loads a label file with classes as colors, as CARLA, Unity and Blender render them.

    It replaces `LoadAnnotations`::

        dict(
            type='LoadColorAnnotations',
            colors=[[110, 80, 50], [[60, 160, 60], [70, 170, 70]], [200, 60, 160]],
            ignored=[[0, 0, 0]])

    Keys and errors are those of
    :class:`~mmseg_joint.datasets.transforms.loading.LoadMappedAnnotations`. Opacity is ignored.

    Args:
        colors: For each class, in the order of the dataset's classes, its color (red, green, blue,
            0-255), or a list of several; an empty list for a class that these labels never show.
        ignored: Colors of ignored pixels.
        **kwargs: Arguments of `LoadMappedAnnotations`.

    Raises:
        JointError: When a color is invalid or given twice; when loading, if a pixel has any other
            color, or if the dataset maps ids of its own.
    """

    def __init__(self, colors: Sequence[Any], ignored: Sequence[Any] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_classes = len(colors)
        codes, classes = [], []
        for index, given in [*enumerate(colors), (IGNORE, ignored)]:
            several = index == IGNORE or not given or isinstance(given[0], (list, tuple))
            for color in given if several else [given]:
                codes.append(_code(color))
                classes.append(index)
        order = np.argsort(codes)
        self._codes, self._classes = np.array(codes)[order], np.array(classes, np.uint8)[order]
        twice = self._codes[1:][np.diff(self._codes) == 0]
        if len(twice):
            raise JointError(
                f'LoadColorAnnotations has the color {_color(twice[0])} twice: give each to one '
                'class.'
            )

    def _decode(self, data: bytes, path: str) -> np.ndarray:
        check_image(data, path, 'label file')
        with Image.open(io.BytesIO(data)) as image:
            if image.format == 'JPEG':
                raise JointError(
                    f"the label file '{path}' is a JPEG, whose colors are not those that were "
                    'saved: use PNG'
                )
            red, green, blue = np.moveaxis(np.array(image.convert('RGB'), dtype=np.int64), -1, 0)
        codes = (red << 16) | (green << 8) | blue
        place = np.searchsorted(self._codes, codes).clip(max=len(self._codes) - 1)
        strange = np.unique(codes[self._codes[place] != codes])
        if len(strange):
            shown = ', '.join(map(str, map(_color, strange[:SHOWN])))
            blended = ' (so many that edges may be blended: render without anti-aliasing)'
            raise JointError(
                f"the label file '{path}' has {len(strange)} colors of no class, among them "
                f'{shown}{blended if len(strange) > 100 else ""}: add them to colors or ignored of '
                'LoadColorAnnotations'
            )
        return self._classes[place]

    def _to_train_ids(self, raw: np.ndarray, results: dict) -> np.ndarray:
        if results.get('label_map'):  # a subset of the classes; ignored pixels stay ignored
            ids = set(results['label_map']) - {IGNORE}
            if max(ids) > self.num_classes:  # CamVid has one more, for "none"
                raise JointError(
                    f'LoadColorAnnotations lists the colors of {self.num_classes} classes, but '
                    f'{results.get("dataset_name", "its dataset")} maps the ids {min(ids)} to '
                    f'{max(ids)}: list one entry for each, or use a BaseSegDataset with '
                    'metainfo.classes'
                )
            results = {**results, 'label_map': {**results['label_map'], IGNORE: IGNORE}}
        return super()._to_train_ids(raw, results)


def _code(color: Any) -> int:
    whole = isinstance(color, (list, tuple)) and all(isinstance(value, int) for value in color)
    if not whole or len(color) != 3 or not all(0 <= value <= 255 for value in color):
        raise JointError(
            f'LoadColorAnnotations has the color {color!r}: give red, green and blue from 0 to 255.'
        )
    red, green, blue = color
    return red << 16 | green << 8 | blue


def _color(code: Any) -> list[int]:
    return [int(code) >> 16, int(code) >> 8 & 255, int(code) & 255]
