"""Converts CARLA images to GTA5's layout, so that ``GTADataset`` reads them.

From ``SRC/images/*.png`` and ``SRC/labelIds/*.png`` (tags 0-28) come ``OUT/images/*.png``,
unchanged, and ``OUT/labels/*.png``, palette PNGs of Cityscapes' raw ids.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
from mmengine.dataset import Compose
from mmengine.utils import track_iter_progress
from PIL import Image

from mmseg_joint.datasets.label_maps import (
    CARLA_TO_CITYSCAPES_IDS,
    CITYSCAPES_IDS,
    CITYSCAPES_PALETTE,
)
from mmseg_joint.datasets.transforms import LoadCheckedImage, LoadMappedAnnotations
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


def convert(source: Path, out: Path) -> int:
    """Convert a folder.

    Args:
        source: Folder with ``images`` and ``labelIds``.
        out: Folder to write; existing files are overwritten.

    Returns:
        Number of images.

    Raises:
        JointError: When there are no images, or a pair is invalid.
    """
    images = sorted((source / 'images').glob('*.png'))
    if not images:
        raise JointError(f"there are no PNGs in '{source / 'images'}': correct SRC")
    load = Compose([LoadCheckedImage(), LoadMappedAnnotations(reduce_zero_label=False)])
    facts = {
        'label_map': CARLA_TO_CITYSCAPES_IDS,
        'dataset_name': 'CARLA',
        'label_hint': "save the semantic camera's raw output",
    }
    for image in track_iter_progress(images):
        tags = source / 'labelIds' / image.name
        if not tags.is_file():
            raise JointError(f"there is no label file '{tags}': correct SRC, or put it there")
        paths = {'img_path': str(image), 'seg_map_path': str(tags)}
        label = Image.fromarray(load({**facts, **paths, 'seg_fields': []})['gt_seg_map'])
        label.putpalette(raw_id_palette())
        atomic_write(out / 'labels' / image.name, partial(label.save, format='PNG'))
        atomic_write(out / 'images' / image.name, image.read_bytes())
    return len(images)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description='Convert CARLA images to the layout of GTA5.')
    parser.add_argument('source', metavar='SRC', type=Path, help='has images/ and labelIds/')
    parser.add_argument('out', metavar='OUT', type=Path, help='gets images/ and labels/')
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    args = parser.parse_args()
    count = convert(args.source, args.out)
    print(f"\nwrote {count} images with labels to '{args.out}', ready for GTADataset")


if __name__ == '__main__':
    run(main)
