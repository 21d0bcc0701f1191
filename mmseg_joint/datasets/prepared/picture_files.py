from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from mmseg_joint.datasets.transforms.label_files import check_picture, decode_ids
from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import atomic_path

# Stored is ten times as fast to read as compressed, and a PNG's checksums still find a broken file.
STORED = (cv2.IMWRITE_PNG_COMPRESSION, 0)
# Of what compresses, that which is fastest to read.
COMPRESSED = (
    cv2.IMWRITE_PNG_COMPRESSION,
    1,
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY,
)
LABEL = (cv2.IMWRITE_PNG_COMPRESSION, 1)
# Signature, length and name of the first chunk; width and height follow.
PNG_START = b'\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR'


def write_picture(path: Path, picture: np.ndarray, compress: bool = False) -> None:
    """Writes a picture without loss.

    Args:
        path: The file.
        picture: Array of ``uint8``, shape (H, W, 3).
        compress: Whether to compress it.

    Raises:
        JointError: If it reads back other than it was written.
    """
    _write(path, picture, COMPRESSED if compress else STORED, _decode_picture)


def write_label(path: Path, label: np.ndarray) -> None:
    """Writes a label, one id a pixel.

    Args:
        path: The file.
        label: Array of ``uint8``, shape (H, W).

    Raises:
        JointError: If it reads back other than it was written.
    """
    _write(path, label, LABEL, decode_ids)


def is_intact(path: Path, size: tuple[int, int]) -> bool:
    """Says whether a file of a copy is whole, by its checksums, and of the copy's size.

    Args:
        path: The file, a picture or a label.
        size: Width and height in pixels.

    Returns:
        Whether it is.
    """
    data = path.read_bytes()
    try:
        check_picture(data, str(path), 'file')
    except JointError:
        return False
    return data[:24] == PNG_START + struct.pack('>II', *size)


def _decode_picture(data: bytes, path: str) -> np.ndarray | None:
    check_picture(data, path, 'picture')
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def _write(
    path: Path,
    array: np.ndarray,
    options: Sequence[int],
    decode: Callable[[bytes, str], np.ndarray | None],
) -> None:
    """Writes under another name, reads that back and renames it: who sees the file sees all."""
    with atomic_path(path, durable=True) as partial:
        partial.write_bytes(cv2.imencode('.png', array, options)[1].tobytes())
        again = decode(partial.read_bytes(), str(partial))
        if again is None or not np.array_equal(again, array):
            raise JointError(f"'{path}' reads back other than it was written: check the disk")
