from __future__ import annotations

import io

import cv2
import mmengine.fileio as fileio
import numpy as np
from PIL import Image, UnidentifiedImageError

from mmseg_joint.errors import JointError

_PNG = b'\x89PNG\r\n\x1a\n'
_GRAY, _PALETTE = 0, 3  # color types of a PNG's header
# What Pillow raises for a file that is not an image, or only half of one.
BROKEN = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


def read_bytes(path: str, what: str, backend_args: dict | None = None) -> bytes:
    """Read a whole file.

    Raises:
        JointError: When there is no such file, or it cannot be read.
    """
    try:
        return fileio.get(path, backend_args=backend_args)
    except (FileNotFoundError, IsADirectoryError):
        raise JointError(
            f"there is no {what} '{path}': put it there, or correct data_root and data_prefix"
        ) from None
    except OSError as error:
        reason = error.strerror or error
        raise JointError(
            f"the {what} '{path}' cannot be read ({reason}): correct its permissions or its disk"
        ) from error


def check_image(data: bytes, path: str, what: str) -> None:
    """Refuse a broken or truncated image, which OpenCV would fill with gray.

    A PNG's checksums are verified, which costs a tenth of decoding it. A JPEG has none, so
    its end marker is checked; only if that is missing is the file decoded to be sure.

    Raises:
        JointError: When the image is broken.
    """
    if data[:2] == b'\xff\xd8' and data.rstrip(b'\0').endswith(b'\xff\xd9'):
        return
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load() if image.format == 'JPEG' else image.verify()
    except BROKEN as error:
        # Pillow would name the buffer here, which tells the user nothing
        reason = 'no known image format' if isinstance(error, UnidentifiedImageError) else error
        raise JointError(
            f"the {what} '{path}' is broken or truncated ({reason}): copy or download it again"
        ) from error


def decode_ids(data: bytes, path: str) -> np.ndarray:
    """Decode a label image with one id per pixel: 8-bit gray, or a palette's indices.

    Always with Pillow, because OpenCV turns palette indices into colors.

    Returns:
        Array of ``uint8``, shape (H, W).

    Raises:
        JointError: When the file is broken, or its ids would be read differently than written:
            colors, 16 bits, lossy JPEG, the 1- to 4-bit gray that decoders stretch to 0-255.
    """
    check_image(data, path, 'label file')
    with Image.open(io.BytesIO(data)) as image:
        kind = f'{image.format} of mode {image.mode}'
        good = image.mode in ('L', 'P') and image.format != 'JPEG'
        if data.startswith(_PNG):
            depth, color = data[24], data[25]
            kind = f'{depth}-bit PNG of mode {image.mode}'
            good = (color == _GRAY and depth == 8) or color == _PALETTE
        if not good:
            raise JointError(
                f"the label file '{path}' is a {kind}, not one id a pixel: save the ids as an "
                '8-bit single-channel or palette PNG (SYNTHIA: use LoadSynthiaAnnotations)'
            )
        try:
            return np.array(image, dtype=np.uint8)
        except BROKEN as error:
            raise JointError(
                f"the label file '{path}' is broken ({error}): copy or download it again"
            ) from error


def decode_synthia(data: bytes, path: str) -> np.ndarray:
    """Decode a SYNTHIA label: 16-bit, three channels, class id in the red one.

    Always with OpenCV, because Pillow cuts 16-bit colors to their upper 8 bits, which are all 0.

    Returns:
        Array of ``uint8``, shape (H, W); ids beyond 8 bits become 255.

    Raises:
        JointError: When the file is broken or of another kind.
    """
    check_image(data, path, 'label file')
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint16 or image.shape[2:] != (3,):
        raise JointError(
            f"the label file '{path}' is not a 16-bit, three-channel PNG: point "
            'data_prefix.seg_map_path to the GT/LABELS folder of SYNTHIA-RAND-CITYSCAPES'
        )
    return np.minimum(image[..., 2], 255).astype(np.uint8)  # OpenCV's order is BGR
