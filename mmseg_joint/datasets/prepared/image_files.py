from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np

from mmseg_joint.datasets.transforms.label_files import check_image, decode_ids
from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import atomic_path

# Stored is ten times as fast to read as compressed, and a PNG's checksums still find a broken file.
STORED = (cv2.IMWRITE_PNG_COMPRESSION, 0)
# Of what compresses, that which is fastest to read.
COMPRESSED = (
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY),
)
LABEL = (cv2.IMWRITE_PNG_COMPRESSION, 1)
# Signature, length and name of the first chunk; width and height follow.
PNG_START = b'\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR'


def write_png(path: Path, array: np.ndarray, compress: bool = False) -> None:
    """Write an image or a label without loss; there is never half a file, or a wrong one.

    Args:
        path: The file.
        array: `uint8`: an image (H, W, 3), or a label (H, W) with one id a pixel.
        compress: Whether to compress an image; a label always is.

    Raises:
        JointError: When it reads back other than it was written.
    """
    options = LABEL if array.ndim == 2 else COMPRESSED if compress else STORED
    with atomic_path(path, durable=True) as partial:
        partial.write_bytes(cv2.imencode('.png', array, options)[1].tobytes())
        again = _decode(partial, array.ndim)
        if again is None or not np.array_equal(again, array):
            raise JointError(f"'{path}' reads back other than it was written: check the disk")


def is_intact(path: Path, size: tuple[int, int]) -> bool:
    """Whether an image or a label of a copy is whole, by its checksums, and of the copy's size."""
    data = path.read_bytes()
    try:
        check_image(data, str(path), 'file')
    except JointError:
        return False
    return data[:24] == PNG_START + struct.pack('>II', *size)


def _decode(path: Path, dimensions: int) -> np.ndarray | None:
    data = path.read_bytes()
    if dimensions == 2:
        return decode_ids(data, str(path))
    check_image(data, str(path), 'image')
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
