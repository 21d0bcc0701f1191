from __future__ import annotations

import itertools
import os
import os.path as osp
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import cv2
import mmcv
from mmseg.registry import TRANSFORMS
from tqdm import tqdm

from mmseg_joint.datasets.raw_label_dataset import RawLabelDataset
from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import is_leftover
from mmseg_joint.version import __version__

from .image_files import is_intact, write_png
from .manifest import Folder, Manifest, Setting, read_manifest
from .reading import SUFFIX, places

Job = tuple[int, dict[str, Path]]  # number of an image in the dataset, the files of its copy
FIELDS = {'seg_map_path': 'gt_seg_map', 'img_path': 'img'}  # the label first: an image has one
_T = TypeVar('_T')
_R = TypeVar('_R')


def write_copy(
    dataset: RawLabelDataset,
    setting: Setting,
    out: Path,
    compress: bool = False,
    workers: int | None = None,
    progress: bool = True,
) -> int:
    """Write a resized, label-mapped copy of a dataset, or what is missing or broken of it.

    Every file is written under another name, read back, compared and renamed: an interrupted call
    is finished by repeating it. What is there already is read and its checksums are compared.

    Args:
        dataset: What :func:`~.configured.to_prepare` gives.
        setting: What it gives too.
        out: The copy's folder; splits of one dataset may share it.
        compress: Compress the images: a third smaller, three times as slow to read.
        workers: Threads; None for one on each core.
        progress: Show a bar.

    Returns:
        How many images were written.

    Raises:
        JointError: When the folder holds anything else, has no room, or a file cannot be read or
            written.
    """
    roots = _roots(dataset)
    _check_apart(dataset, out)
    source = Path(osp.abspath(dataset.data_root or '.'))
    try:
        manifest = _claim(setting, source, out)
        folders = {key: out / folder for key, folder in roots.items()}
        _clear_up(out, folders.values())
        there = {
            key: _intact(folder, setting, workers, progress) for key, folder in folders.items()
        }
        jobs = list(_missing(dataset, folders, there))
        _check_room(out, len(jobs), setting, compress)
        name, labeled = roots['img_path'], 'seg_map_path' in roots
        before = manifest.folders.get(name, Folder())
        manifest.folders[name] = Folder(None, before.labeled)
        manifest.save(out)
        resize = TRANSFORMS.build(setting.resize)
        write = partial(_write, dataset, resize, compress)
        list(_in_threads(write, jobs, workers, None if progress else True, unit='image'))
        manifest.folders[name] = Folder(len(dataset), labeled or (before.labeled and not jobs))
        manifest.save(out)
    except OSError as error:
        raise JointError(
            f"the copy '{out}' cannot be written ({error.strerror or error}): make room or "
            'choose another folder with --out, then run the same command again'
        ) from error
    return len(jobs)


def _roots(dataset: RawLabelDataset) -> dict[str, str]:
    """Return the dataset's folders, relative to its root."""
    root = dataset.data_root
    prefix = dataset.data_prefix
    if root:
        prefix = {key: osp.relpath(value, root) for key, value in prefix.items()}
    return places(prefix, dataset.img_suffix, dataset.seg_map_suffix)


def _check_apart(dataset: RawLabelDataset, out: Path) -> None:
    """Refuse a copy among the originals, where it would soon be taken for some of them."""
    for folder in dataset.data_prefix.values():
        if out.resolve().is_relative_to(Path(folder).resolve()):
            raise JointError(
                f"--out '{out}' is within '{folder}', which is to be copied: choose another folder"
            )


def _claim(setting: Setting, source: Path, out: Path) -> Manifest:
    """Make the folder, or open it; refuse one that holds anything else."""
    manifest = read_manifest(out)
    if manifest is None:
        if out.exists() and (
            not out.is_dir() or not all(is_leftover(path.name) for path in out.iterdir())
        ):
            raise JointError(
                f"'{out}' holds something else than a prepared copy: choose another folder with "
                '--out'
            )
        out.mkdir(parents=True, exist_ok=True)
        versions = {'mmseg_joint': __version__, 'opencv': cv2.__version__}
        return Manifest(setting, str(source), {**versions, 'mmcv': mmcv.__version__})
    difference = manifest.setting.difference(setting)
    if manifest.source != str(source):
        difference = f"originals in '{manifest.source}', not '{source}'"
    if difference:
        raise JointError(
            f"'{out}' holds a copy made with {difference}: choose another folder with --out"
        )
    return manifest


def _missing(
    dataset: RawLabelDataset, folders: dict[str, Path], there: dict[str, set[str]]
) -> Iterator[Job]:
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        names = {
            key: osp.splitext(osp.relpath(info[key], dataset.data_prefix[key]))[0] + SUFFIX
            for key in folders
        }
        if any(name not in there[key] for key, name in names.items()):
            yield index, {key: folders[key] / name for key, name in names.items()}


def _write(dataset: RawLabelDataset, resize: Any, compress: bool, job: Job) -> None:
    index, files = job
    results = resize(dataset.pipeline(dataset.get_data_info(index)))
    for key, field in FIELDS.items():
        if key in files:
            write_png(files[key], results[field], compress)


def _files(folder: Path) -> Iterator[Path]:
    """Find all files below a folder; none if it does not exist."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def _clear_up(out: Path, folders: Iterable[Path]) -> None:
    """Remove what a killed call has left half-written."""
    for path in itertools.chain(out.iterdir(), *map(_files, folders)):
        if is_leftover(path.name):
            path.unlink(missing_ok=True)


def _intact(folder: Path, setting: Setting, workers: int | None, progress: bool) -> set[str]:
    """Return the files of a folder, relative to it, that need not be written again."""
    paths = [path for path in _files(folder) if path.suffix == SUFFIX]
    hidden = None if progress and paths else True
    check = partial(is_intact, size=setting.size)
    good = _in_threads(check, paths, workers, hidden, desc='checked', unit='file')
    return {osp.relpath(path, folder) for path, intact in zip(paths, good) if intact}


def _check_room(out: Path, count: int, setting: Setting, compress: bool) -> None:
    need = count * setting.size[0] * setting.size[1] * 3
    free = shutil.disk_usage(out).free
    if need > free and not compress:
        raise JointError(
            f"the copy '{out}' needs {need / 1e9:.1f} GB and there are {free / 1e9:.1f} GB: make "
            'room, choose another folder with --out, or try --compress'
        )


def _in_threads(
    function: Callable[[_T], _R],
    items: list[_T],
    workers: int | None,
    hidden: bool | None,
    **bar: str,
) -> Iterator[_R]:
    """As `map`, with a bar; threads do, since what decodes and encodes lets others run."""
    workers = workers or _cores()
    with ThreadPoolExecutor(workers) as pool:
        # one alone works here: then nothing is begun after what failed
        found = map(function, items) if workers == 1 else pool.map(function, items)
        yield from tqdm(found, total=len(items), disable=hidden, **bar)


def _cores() -> int:
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
