"""Turns pix2pix's public `cityscapes` download into images and train ids.

Each `SRC/{train,val}/N.jpg` has 512×256 pixels: the photo at the left, Cityscapes' color label at
the right. From it come `OUT/images/{train,val}/N.jpg` and `OUT/labels/{train,val}/N.png`, which
`CityscapesTrainIdsDataset` reads. JPEG blurs the label's colors: a pixel gets the class whose
color is nearest, or none (255) if even that is more than 25 away. The ignored pixels are therefore
borders, thin objects and Cityscapes' void.

`OUT/held_out.txt` names the training images of Ulm, Weimar and Zurich, for choosing settings
without looking at `val`, and `OUT/fit.txt` the others; the dataset takes either as `ann_file`.
"""

from __future__ import annotations

import argparse
import io
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from mmseg_joint.datasets.label_maps import CITYSCAPES_PALETTE, IGNORE
from mmseg_joint.datasets.transforms.label_files import check_image, read_bytes
from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import atomic_write
from mmseg_joint.utils.cli import run

SPLITS = ('train', 'val')
FIRST_HELD_OUT = 2617  # the download numbers the training images city by city, in order
MAX_DISTANCE = 25.0  # two classes are 37 apart, bus and train 20
LEAST_KNOWN = 0.1  # of a label's pixels; with fewer it is not a label


def train_ids(colors: np.ndarray) -> np.ndarray:
    """Find the class of each pixel of a color label.

    Args:
        colors: RGB, (H, W, 3), uint8.

    Returns:
        Train ids, (H, W), uint8; 255 where no class has a color within `MAX_DISTANCE`.
    """
    palette = np.array(CITYSCAPES_PALETTE, dtype=np.int32)
    pixels = colors.reshape(-1, 3).astype(np.int32)
    # |a - b|² less |a|², which is the same for all classes
    relative = (palette**2).sum(axis=1) - 2 * pixels @ palette.T
    nearest = relative.argmin(axis=1)
    squared = ((pixels - palette[nearest]) ** 2).sum(axis=1)
    ids = np.where(squared <= MAX_DISTANCE**2, nearest, IGNORE)
    return ids.astype(np.uint8).reshape(colors.shape[:2])


def split_pair(path: Path) -> tuple[Image.Image, np.ndarray]:
    """Read the two halves of a file.

    Args:
        path: Photo and color label, side by side.

    Returns:
        The photo, and the label's train ids (H, W).

    Raises:
        JointError: When the file is broken, is not such a pair, or has no label at the right.
    """
    content = read_bytes(str(path), 'image')
    check_image(content, str(path), 'image')
    with Image.open(io.BytesIO(content)) as opened:
        pair = opened.convert('RGB')
    width, height = pair.size
    if width != 2 * height:
        raise JointError(
            f'{path} has {width}x{height} pixels and is no pair of two squares: give the folder of '
            "pix2pix's cityscapes, whose files have 512x256."
        )
    ids = train_ids(np.asarray(pair)[:, height:])
    if (ids != IGNORE).mean() < LEAST_KNOWN:
        raise JointError(
            f"{path} has hardly any pixels in Cityscapes' colors at the right: give files "
            'with the photo at the left and the label at the right.'
        )
    return pair.crop((0, 0, height, height)), ids


def convert(source: Path, out: Path) -> int:
    """Convert the whole download; existing files are overwritten.

    Args:
        source: Folder with `train` and `val`.
        out: Folder to write.

    Returns:
        Number of images.

    Raises:
        JointError: When a split has no images, or a file is invalid.
    """
    files = [(split, path) for split in SPLITS for path in sorted((source / split).glob('*.jpg'))]
    for split in SPLITS:
        if not any(split == found for found, _ in files):
            raise JointError(f"there are no JPEGs in '{source / split}': correct SRC.")
    for split, path in tqdm(files, unit='image'):
        photo, ids = split_pair(path)
        save_photo = partial(photo.save, format='JPEG', quality=95)
        atomic_write(out / 'images' / split / path.name, save_photo)
        save_label = partial(Image.fromarray(ids).save, format='PNG')
        atomic_write(out / 'labels' / split / f'{path.stem}.png', save_label)
    numbers = sorted(int(p.stem) for split, p in files if split == 'train' and p.stem.isdecimal())
    lists: dict[str, list[str]] = {'fit': [], 'held_out': []}
    for number in numbers:
        lists['held_out' if number >= FIRST_HELD_OUT else 'fit'].append(f'{number}\n')
    for name, lines in lists.items():
        atomic_write(out / f'{name}.txt', ''.join(lines))
    return len(files)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Turn pix2pix's cityscapes into a dataset.")
    parser.add_argument('source', metavar='SRC', type=Path, help='has train/ and val/')
    parser.add_argument('out', metavar='OUT', type=Path, help='gets images/ and labels/')
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    args = parser.parse_args()
    count = convert(args.source, args.out)
    print(f"wrote {count} images with labels to '{args.out}', for CityscapesTrainIdsDataset")


if __name__ == '__main__':
    run(main)
