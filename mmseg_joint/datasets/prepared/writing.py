from __future__ import annotations

import itertools
import os
import os.path as osp
import shutil
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path
from threading import Thread

import cv2
import mmcv
from mmseg.registry import TRANSFORMS
from tqdm import tqdm

from mmseg_joint.datasets.raw_label_dataset import RawLabelDataset
from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import is_leftover
from mmseg_joint.version import __version__

from .manifest import Folder, Manifest, Setting, read_manifest
from .picture_files import is_intact, write_label, write_picture
from .places import SUFFIX, places

_BUNCH = 8
_shared: tuple = ()


@dataclass(frozen=True)
class Job:
    """A picture to copy.

    Attributes:
        index: Its number in the data set.
        picture: The copy's file.
        label: Its label's file; None if there is none to write.
    """

    index: int
    picture: Path
    label: Path | None


def write_copy(
    dataset: RawLabelDataset,
    setting: Setting,
    out: Path,
    compress: bool = False,
    workers: int | None = None,
    progress: bool = True,
) -> int:
    """Writes a resized, label-mapped copy of a data set, or what is missing or broken of it.

    Every file is written under another name, read back, compared and renamed: an interrupted call
    is finished by repeating it. What is there already is read and its checksums are compared.

    Args:
        dataset: What :func:`~.configured.to_prepare` gives.
        setting: What it gives too.
        out: The copy's folder; splits of one data set may share it.
        compress: Compress the pictures: a third smaller, three times as slow to read.
        workers: Processes; None for one on each core.
        progress: Show a bar.

    Returns:
        How many pictures were written.

    Raises:
        JointError: If the folder holds anything else, has no room, or a file cannot be read or
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
        name, labelled = roots['img_path'], 'seg_map_path' in roots
        before = manifest.folders.get(name, Folder())
        manifest.folders[name] = Folder(None, before.labelled)
        manifest.save(out)
        with tqdm(total=len(jobs), unit='picture', disable=None if progress else True) as bar:
            for done in _write_all(dataset, setting, jobs, compress, workers):
                bar.update(done)
        manifest.folders[name] = Folder(len(dataset), labelled or (before.labelled and not jobs))
        manifest.save(out)
    except OSError as error:
        raise JointError(
            f"the copy '{out}' cannot be written ({error.strerror or error}): make room or "
            'choose another folder with --out, then run the same command again'
        ) from error
    except BrokenProcessPool as error:
        raise JointError(
            f"a process that wrote the copy '{out}' was killed, maybe for lack of memory: run the "
            'same command again, with fewer --workers'
        ) from error
    return len(jobs)


def _roots(dataset: RawLabelDataset) -> dict[str, str]:
    """Returns the data set's folders, relative to its root."""
    root = dataset.data_root
    prefix = dataset.data_prefix
    if root:
        prefix = {key: osp.relpath(value, root) for key, value in prefix.items()}
    return places(prefix, dataset.img_suffix, dataset.seg_map_suffix)


def _check_apart(dataset: RawLabelDataset, out: Path) -> None:
    """Refuses a copy among the originals, where it would soon be taken for some of them."""
    for folder in dataset.data_prefix.values():
        if out.resolve().is_relative_to(Path(folder).resolve()):
            raise JointError(
                f"--out '{out}' is within '{folder}', which is to be copied: choose another folder"
            )


def _claim(setting: Setting, source: Path, out: Path) -> Manifest:
    """Makes the folder, or opens it; refuses one that holds anything else."""
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
            picture, *label = (
                folders[key] / names[key] for key in ('img_path', 'seg_map_path') if key in folders
            )
            yield Job(index, picture, label[0] if label else None)


def _files(folder: Path) -> Iterator[Path]:
    """Finds all files below a folder; none if it does not exist."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def _clear_up(out: Path, folders: Iterable[Path]) -> None:
    """Removes what a killed call has left half-written."""
    for path in itertools.chain(out.iterdir(), *map(_files, folders)):
        if is_leftover(path.name):
            path.unlink(missing_ok=True)


def _intact(folder: Path, setting: Setting, workers: int | None, progress: bool) -> set[str]:
    """Returns the files of a folder, relative to it, that need not be written again."""
    paths = [path for path in _files(folder) if path.suffix == SUFFIX]
    hidden = None if progress and paths else True
    with (
        ThreadPoolExecutor(workers or _cores()) as pool,
        tqdm(total=len(paths), desc='checked', unit='file', disable=hidden) as bar,
    ):
        good = set()
        for path, intact in zip(paths, pool.map(partial(is_intact, size=setting.size), paths)):
            bar.update()
            if intact:
                good.add(osp.relpath(path, folder))
    return good


def _check_room(out: Path, count: int, setting: Setting, compress: bool) -> None:
    need = count * setting.size[0] * setting.size[1] * 3
    free = shutil.disk_usage(out).free
    if need > free and not compress:
        raise JointError(
            f"the copy '{out}' needs {need / 1e9:.1f} GB and there are {free / 1e9:.1f} GB: make "
            'room, choose another folder with --out, or try --compress'
        )


def _write_all(
    dataset: RawLabelDataset,
    setting: Setting,
    jobs: list[Job],
    compress: bool,
    workers: int | None,
) -> Iterator[int]:
    """Writes the copies, in this process or in several; yields how many more are done."""
    bunches = [jobs[i : i + _BUNCH] for i in range(0, len(jobs), _BUNCH)]
    workers = min(workers or _cores(), len(bunches))
    with _one_thread():
        if workers <= 1:
            for job in jobs:
                _write_pair(dataset, setting, job, compress)
                yield 1
            return
        kind = 'fork' if 'fork' in get_all_start_methods() else None
        with ProcessPoolExecutor(
            workers, get_context(kind), _start, (dataset, setting, compress)
        ) as pool:
            waiting = [pool.submit(_write_bunch, bunch) for bunch in bunches]
            try:
                for done in as_completed(waiting):
                    yield done.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _start(*shared: object) -> None:
    """Keeps what all jobs of a worker need, sent once."""
    global _shared
    _shared = shared
    cv2.setNumThreads(1)
    Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()


def _leave_with(parent: int) -> None:
    """Ends a worker whose parent was killed, which would wait for work for ever."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _write_bunch(jobs: list[Job]) -> int:
    dataset, setting, compress = _shared
    for job in jobs:
        _write_pair(dataset, setting, job, compress)
    return len(jobs)


def _write_pair(dataset: RawLabelDataset, setting: Setting, job: Job, compress: bool) -> None:
    results = dataset.pipeline(dataset.get_data_info(job.index))
    resize = {'scale': setting.size, 'interpolation': setting.interpolation}
    results = TRANSFORMS.build({'type': 'Resize', **resize, 'backend': setting.backend})(results)
    if job.label is not None:
        write_label(job.label, results['gt_seg_map'])
    write_picture(job.picture, results['img'], compress)


@contextmanager
def _one_thread() -> Iterator[None]:
    """OpenCV without threads of its own, which would not survive a fork."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _cores() -> int:
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
