from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from ..datasets.label_maps import CITYSCAPES_IDS, CITYSCAPES_PALETTE, IGNORE, SYNTHIA_IDS
from .labels import PERSON


def _inverse(ids: dict[int, int]) -> np.ndarray:
    """A table from trainId to a dataset's own id; 0, void, for whatever is ignored."""
    table = np.zeros(256, np.uint8)
    for own, train in ids.items():
        if train != IGNORE:
            table[train] = own
    return table


_CITYSCAPES_RAW = _inverse(CITYSCAPES_IDS)
_SYNTHIA_RAW = _inverse(SYNTHIA_IDS)


def _raw_palette() -> bytes:
    palette = np.zeros((256, 3), np.uint8)
    palette[_CITYSCAPES_RAW[: len(CITYSCAPES_PALETTE)]] = CITYSCAPES_PALETTE
    return palette.tobytes()


_PALETTE = _raw_palette()


def encode_image(image: np.ndarray) -> bytes:
    """A BGR image as PNG, with light compression, which is fast."""
    return _png(image)


def encode_cityscapes(label: np.ndarray) -> bytes:
    """TrainIds (H, W) as an 8-bit PNG of raw Cityscapes ids."""
    return _png(cv2.LUT(label, _CITYSCAPES_RAW))


def encode_gta(label: np.ndarray) -> bytes:
    """TrainIds (H, W) as an 8-bit palette PNG whose indices are raw ids."""
    drawn = Image.fromarray(cv2.LUT(label, _CITYSCAPES_RAW))
    drawn.putpalette(_PALETTE)
    packed = BytesIO()
    drawn.save(packed, format='PNG', compress_level=1)
    return packed.getvalue()


def encode_synthia(label: np.ndarray) -> bytes:
    """TrainIds (H, W) as a 16-bit PNG: ids in red, numbers of connected components in green."""
    things = ((label >= PERSON) & (label != IGNORE)).astype(np.uint8)
    planes = np.zeros((*label.shape, 3), np.uint16)
    planes[..., 2] = cv2.LUT(label, _SYNTHIA_RAW)
    planes[..., 1] = cv2.connectedComponents(things)[1]
    return _png(planes)


@dataclass(frozen=True)
class Layout:
    """Where a dataset keeps its files, and how it writes its labels.

    Attributes:
        images: Folder of the images; ``{split}`` stands for the split.
        labels: Folder of the labels.
        image: File name of an image; ``{index}`` stands for its number.
        label: File name of a label.
        first: Number of the first image.
        encode: Turns trainIds into the bytes of a label file.
    """

    images: str
    labels: str
    image: str
    label: str
    first: int
    encode: Callable[[np.ndarray], bytes]

    def paths(self, index: int, split: str) -> tuple[str, str]:
        """Image and label of a street, relative to the root."""
        number = index + self.first
        return (
            f'{self.images}/{self.image}'.format(split=split, index=number),
            f'{self.labels}/{self.label}'.format(split=split, index=number),
        )


LAYOUTS = {
    'gta': Layout('images', 'labels', '{index:05d}.png', '{index:05d}.png', 1, encode_gta),
    'synthia': Layout('RGB', 'GT/LABELS', '{index:07d}.png', '{index:07d}.png', 1, encode_synthia),
    'cityscapes': Layout(
        'leftImg8bit/{split}/streets',
        'gtFine/{split}/streets',
        'streets_{index:06d}_000019_leftImg8bit.png',
        'streets_{index:06d}_000019_gtFine_labelIds.png',
        0,
        encode_cityscapes,
    ),
}


def _png(planes: np.ndarray) -> bytes:
    done, packed = cv2.imencode('.png', planes, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert done
    return packed.tobytes()
