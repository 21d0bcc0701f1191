"""Brings CARLA images into GTA5's layout, so that ``GTADataset`` reads them.

From ``SRC/images/*.png`` and ``SRC/labelIds/*.png`` (tags 0-28) come ``OUT/images/*.png``, as
they are, and ``OUT/labels/*.png``, palette PNGs of Cityscapes' raw ids.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from mmengine.utils import track_iter_progress
from PIL import Image

from mmseg_joint.datasets.label_maps import (
    CARLA_TO_CITYSCAPES_IDS,
    CITYSCAPES_IDS,
    CITYSCAPES_PALETTE,
)
from mmseg_joint.datasets.transforms.label_files import check_image, decode_ids, read_bytes
from mmseg_joint.datasets.transforms.loading import lookup_table
from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import atomic_write
from mmseg_joint.utils.cli import run


def raw_id_palette() -> list[int]:
    """Return the palette of the written labels: each raw id in its class's color, void black."""
    colors = np.zeros((256, 3), dtype=np.uint8)
    for raw, train in CITYSCAPES_IDS.items():
        if train < len(CITYSCAPES_PALETTE):
            colors[raw] = CITYSCAPES_PALETTE[train]
    return colors.ravel().tolist()


def convert_label(source: Path, size: tuple[int, int]) -> bytes:
    """Convert one label file.

    Args:
        source: Label of CARLA's tags.
        size: Width and height of the image, in pixels.

    Returns:
        A palette PNG.

    Raises:
        JointError: When the label is missing, broken, of another size or has an unknown tag.
    """
    if not source.is_file():
        raise JointError(f"there is no label file '{source}': correct SRC, or put it there")
    tags = decode_ids(read_bytes(str(source), 'label file'), str(source))
    if tags.shape[::-1] != size:
        raise JointError(
            f"the label file '{source}' has {tags.shape[1]}x{tags.shape[0]} pixels but its image "
            f'has {size[0]}x{size[1]}: render both at the same size'
        )
    table, known = lookup_table(CARLA_TO_CITYSCAPES_IDS)
    if not known[tags].all():
        strange = [v for v in np.unique(tags).tolist() if not known[v]]
        raise JointError(
            f"the label file '{source}' holds {strange}, but CARLA's tags are 0 to 28: save the "
            "semantic camera's raw output"
        )
    label = Image.fromarray(table[tags])
    label.putpalette(raw_id_palette())
    packed = io.BytesIO()
    label.save(packed, format='PNG')
    return packed.getvalue()


def convert(source: Path, out: Path) -> int:
    """Convert a folder.

    Args:
        source: Folder with ``images`` and ``labelIds``.
        out: Folder to write; files that are there are written over.

    Returns:
        Number of images.

    Raises:
        JointError: When there are no images, or a pair is not right.
    """
    images = sorted((source / 'images').glob('*.png'))
    if not images:
        raise JointError(f"there are no PNGs in '{source / 'images'}': correct SRC")
    for image in track_iter_progress(images):
        content = read_bytes(str(image), 'image')
        check_image(content, str(image), 'image')
        with Image.open(io.BytesIO(content)) as opened:
            size = opened.size
        label = convert_label(source / 'labelIds' / image.name, size)
        atomic_write(out / 'labels' / image.name, label)
        atomic_write(out / 'images' / image.name, content)
    return len(images)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description='Bring CARLA images into the layout of GTA5.')
    parser.add_argument('source', metavar='SRC', type=Path, help='has images/ and labelIds/')
    parser.add_argument('out', metavar='OUT', type=Path, help='gets images/ and labels/')
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    args = parser.parse_args()
    count = convert(args.source, args.out)
    print(f"\nwrote {count} images with labels to '{args.out}', ready for GTADataset")


if __name__ == '__main__':
    run(main)
