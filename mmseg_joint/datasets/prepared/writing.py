from __future__ import annotations

import os.path as osp
from functools import partial
from pathlib import Path
from shutil import disk_usage
from typing import Any

import cv2
import mmcv
import numpy as np
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image
from tqdm.contrib.concurrent import thread_map

from mmseg_joint.datasets.raw_label_dataset import RawLabelDataset
from mmseg_joint.datasets.transforms.label_files import BROKEN
from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import LEFTOVERS, atomic_path
from mmseg_joint.utils.cores import available_cores
from mmseg_joint.utils.walk import class_of
from mmseg_joint.version import __version__

from .manifest import Manifest, Setting, loading_steps, read_manifest, setting_of
from .reading import SUFFIX, places

FIELDS = {'seg_map_path': 'gt_seg_map', 'img_path': 'img'}  # label first: no image without it
# Keys that select images or classes: a copy has all of them.
CHOOSING = ('protocol', 'metainfo', 'ann_file', 'indices', 'prepared', 'lazy_init', 'test_mode')
# Uncompressed is ten times as fast to read, and a PNG's checksums still reveal a broken file.
STORED = (cv2.IMWRITE_PNG_COMPRESSION, 0)
# The kind of compression that is fastest to read.
COMPRESSED = (
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY),
)
LABEL = (cv2.IMWRITE_PNG_COMPRESSION, 1)


def to_prepare(cfg: dict, where: str) -> tuple[RawLabelDataset, Setting]:
    """Build a dataset that returns every image and label as loaded, not resized.

    Args:
        cfg: The dataset's config.
        where: Its name in messages.

    Returns:
        The dataset, and the setting of the copy to write.

    Raises:
        JointError: When it is not a dataset with raw labels, or its pipeline cannot be prepared.
    """
    kind = class_of(cfg.get('type'), DATASETS)
    if kind is None:
        raise JointError(f'{where}.type: there is no dataset "{cfg.get("type")}", correct it')
    if not issubclass(kind, RawLabelDataset):
        raise JointError(
            f'{where} is a {cfg.get("type")}: only the datasets of mmseg_joint that read files '
            'can be prepared'
        )
    dataset = DATASETS.build({key: value for key, value in cfg.items() if key not in CHOOSING})
    setting = setting_of(dataset, where)
    dataset.pipeline.transforms = loading_steps(dataset)
    return dataset, setting


def write_copy(
    dataset: RawLabelDataset,
    setting: Setting,
    out: Path,
    compress: bool = False,
    workers: int | None = None,
    progress: bool = True,
) -> int:
    """Write a resized, label-mapped copy of a dataset, or its missing, broken or outdated files.

    Every file is written under another name, read back, compared and renamed, so an interrupted
    call is finished by repeating it. Files that already exist are read; their checksums are
    verified, and their dates compared with the originals'.

    Args:
        dataset: The originals, as returned by :func:`to_prepare`.
        setting: Likewise.
        out: The copy's folder; splits of one dataset may share it.
        compress: Compress the images: a third smaller, three times as slow to read.
        workers: Number of threads; None for one per core.
        progress: Show a progress bar.

    Returns:
        How many images were written.

    Raises:
        JointError: When the folder holds anything else, or a file cannot be read or written.
    """
    prefix = dataset.data_prefix
    for folder in prefix.values():
        if out.resolve().is_relative_to(Path(folder).resolve()):
            raise JointError(
                f"--out '{out}' is within '{folder}', which is to be copied: choose another folder"
            )
    if dataset.data_root:
        prefix = {key: osp.relpath(value, dataset.data_root) for key, value in prefix.items()}
    relative = places(prefix, dataset.img_suffix, dataset.seg_map_suffix)
    try:
        manifest = _claim(setting, osp.abspath(dataset.data_root or '.'), out)
        for leftover in out.rglob(LEFTOVERS):
            leftover.unlink()
        name = relative['img_path']
        if name not in manifest.folders:  # a copy that is only checked again stays usable
            _check_room(out, len(dataset), setting, compress)
            manifest.folders[name] = {'images': None, 'labeled': False}
            manifest.save(out)
        had_labels = manifest.folders[name]['labeled']
        way = {'interpolation': setting.interpolation, 'backend': setting.backend}
        resize = TRANSFORMS.build({'type': 'Resize', 'scale': setting.size, **way})
        folders = {key: out / relative[key] for key in FIELDS if key in relative}
        written = sum(
            thread_map(
                partial(_write, dataset, resize, folders, compress),
                range(len(dataset)),
                max_workers=workers or available_cores(),
                disable=None if progress else True,
                unit='image',
            )
        )
        labeled = 'seg_map_path' in relative or (had_labels and not written)
        manifest.folders[name] = {'images': len(dataset), 'labeled': labeled}
        manifest.save(out)
    except OSError as error:
        raise JointError(
            f"the copy '{out}' cannot be written ({error.strerror or error}): make room or "
            'choose another folder with --out, then run the same command again'
        ) from error
    return written


def _check_room(out: Path, count: int, setting: Setting, compress: bool) -> None:
    need, free = count * setting.size[0] * setting.size[1] * 3, disk_usage(out).free
    if need > free and not compress:
        raise JointError(
            f"the copy '{out}' needs {need / 1e9:.1f} GB and there are {free / 1e9:.1f} GB: make "
            'room, choose another folder with --out, or try --compress'
        )


def _claim(setting: Setting, source: str, out: Path) -> Manifest:
    """Create the folder, or open an existing copy; refuse a folder that holds anything else."""
    manifest = read_manifest(out)
    if manifest is None:
        if out.is_file() or any(not path.match(LEFTOVERS) for path in out.glob('*')):
            raise JointError(
                f"'{out}' holds something else than a prepared copy: choose another folder with "
                '--out'
            )
        out.mkdir(parents=True, exist_ok=True)
        versions = {'mmseg_joint': __version__, 'opencv': cv2.__version__, 'mmcv': mmcv.__version__}
        return Manifest(setting, source, versions, folders={})
    difference = manifest.setting.difference(setting)
    if manifest.source != source:
        difference = f"originals in '{manifest.source}', not '{source}'"
    if difference:
        raise JointError(
            f"'{out}' holds a copy made with {difference}: choose another folder with --out"
        )
    return manifest


def _write(
    dataset: RawLabelDataset, resize: Any, folders: dict[str, Path], compress: bool, index: int
) -> bool:
    """Write an image, and perhaps its label, unless both are up to date; return whether it did."""
    info = dataset.get_data_info(index)
    files = {}
    for key, folder in folders.items():
        name = osp.relpath(info[key], dataset.data_prefix[key])
        files[key] = folder / (osp.splitext(name)[0] + SUFFIX)
    whole = all(_is_intact(path, resize.scale) for path in files.values())
    if whole and not any(_is_older(path, Path(info[key])) for key, path in files.items()):
        return False
    results = resize(dataset.pipeline(info))
    for key, path in files.items():
        write_png(path, results[FIELDS[key]], compress)
    return True


def _is_intact(path: Path, size: tuple[int, int]) -> bool:
    """Return whether a copy's file exists, passes its checksums and has the copy's size."""
    try:
        with Image.open(path) as image:
            image.verify()
            return image.format == 'PNG' and image.size == size
    except BROKEN:
        return False


def _is_older(path: Path, original: Path) -> bool:
    """Return whether the original of a copy's file was changed after the copy was written."""
    return original.is_file() and path.stat().st_mtime_ns < original.stat().st_mtime_ns


def write_png(path: Path, array: np.ndarray, compress: bool = False) -> None:
    """Write an image or a label without loss; never leave a partial or a wrong file.

    Args:
        path: The file.
        array: `uint8`: an image (H, W, 3), or a label (H, W) with one id per pixel.
        compress: Whether to compress an image; a label always is.

    Raises:
        JointError: When the file reads back differently.
    """
    options = LABEL if array.ndim == 2 else COMPRESSED if compress else STORED
    with atomic_path(path, durable=True) as partial:
        partial.write_bytes(cv2.imencode('.png', array, options)[1].tobytes())
        again = cv2.imread(str(partial), cv2.IMREAD_UNCHANGED)
        if again is None or not np.array_equal(again, array):
            raise JointError(f"'{path}' reads back differently than it was written: check the disk")
