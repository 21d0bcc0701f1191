from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from mmseg_joint.datasets.transforms.label_files import check_picture, decode_ids
from mmseg_joint.errors import JointError

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
    partial = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(cv2.imencode('.png', array, options)[1].tobytes())
        again = decode(partial.read_bytes(), str(partial))
        if again is None or not np.array_equal(again, array):
            raise JointError(f"'{path}' reads back other than it was written: check the disk")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
