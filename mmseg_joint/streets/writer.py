from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path

import cv2
from tqdm import tqdm

from ..errors import JointError
from ..utils.atomic_write import atomic_path
from ..utils.cores import available_cores
from . import textures
from .layouts import LAYOUTS, encode_image
from .render import check_street, render_street

MANIFEST = 'streets.json'
VERSION = 1
"""Version of the generator: raise it when the same seed gives other images."""

_BUNCH = 8


@dataclass(frozen=True)
class _Job:
    """What every worker needs to know."""

    root: str
    layout: str
    style: str
    size: tuple[int, int]
    seed: int
    split: str


def write_streets(
    root: str | Path,
    count: int,
    layout: str,
    style: str = 'rendered',
    size: tuple[int, int] = (480, 360),
    seed: int = 0,
    start: int = 0,
    split: str = 'train',
    workers: int | None = None,
    progress: bool = True,
) -> None:
    """Write streets as a dataset that the classes of the real one read.

    No half-written file is ever left behind, so repeating an interrupted call finishes it: existing
    images are kept.

    Args:
        root: The dataset's folder.
        count: Number of images.
        layout: ``gta``, ``synthia`` or ``cityscapes``.
        style: ``rendered`` or ``camera``.
        size: Width and height in pixels.
        seed: Seed of all streets.
        start: Index of the first street; another start gives other streets.
        split: Sub-folder of the ``cityscapes`` layout; the other layouts have none.
        workers: Processes; None for one per core.
        progress: Show a bar.

    Raises:
        JointError: When an argument is wrong, or the folder cannot be written or holds other
            images.
    """
    _check(count, layout, split, workers)
    check_street(seed, start, size, style)
    job = _Job(str(root), layout, style, (int(size[0]), int(size[1])), seed, split)
    try:
        _claim(job)
        with tqdm(total=count, unit='image', disable=not progress) as bar:
            for done in _write_all(job, range(start, start + count), workers):
                bar.update(done)
    except OSError as error:
        raise JointError(f'cannot write streets to {root}: {error.strerror or error}') from error


def _check(count: int, layout: str, split: str, workers: int | None) -> None:
    if layout not in LAYOUTS:
        raise JointError(f'unknown layout {layout!r}: choose one of {", ".join(LAYOUTS)}')
    if count < 1:
        raise JointError(f'count must be at least 1, not {count}')
    if workers is not None and workers < 1:
        raise JointError(f'workers must be at least 1, not {workers}')
    if split in ('', '.', '..') or Path(split).name != split:
        raise JointError(f'a split is the name of a folder, not {split!r}')


def _claim(job: _Job) -> None:
    """Make the folders and record their contents; refuse folders that hold something else."""
    layout, root = LAYOUTS[job.layout], Path(job.root)
    images = layout.images.format(split=job.split)
    for folder in (images, layout.labels.format(split=job.split)):
        (root / folder).mkdir(parents=True, exist_ok=True)
    manifest, wanted = (
        _read_manifest(root),
        {'version': VERSION, 'style': job.style, 'size': list(job.size), 'seed': job.seed},
    )
    present = manifest.get(images)
    if present is None and any((root / images).glob('*.png')):
        raise JointError(
            f'{root / images} already holds images that are not streets: choose another folder'
        )
    if present not in (None, wanted):
        raise JointError(
            f'{root / images} already holds streets of {_words(present)}, not of '
            f'{_words(wanted)}: choose another folder'
        )
    if present is None:
        manifest[images] = wanted
        _write(root / MANIFEST, (json.dumps(manifest, indent=2) + '\n').encode())


def _read_manifest(root: Path) -> dict[str, dict]:
    path = root / MANIFEST
    if not path.exists():
        return {}
    try:
        manifest = {folder: dict(entry) for folder, entry in json.loads(path.read_text()).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise JointError(f'{path} is damaged: delete it and the images beside it') from error
    return manifest


def _words(entry: dict) -> str:
    return ', '.join(f'{key} {value}' for key, value in entry.items())


def _write_all(job: _Job, indices: range, workers: int | None) -> Iterator[int]:
    """Write the streets, in this process or in several; yield the size of each finished batch."""
    bunches = [indices[i : i + _BUNCH] for i in range(0, len(indices), _BUNCH)]
    workers = min(workers or available_cores(), len(bunches))
    with _one_thread():
        if workers == 1:
            for index in indices:
                yield _write_bunch(job, range(index, index + 1))
            return
        kind = 'fork' if 'fork' in get_all_start_methods() else None
        textures.prepare()
        with ProcessPoolExecutor(workers, mp_context=get_context(kind)) as pool:
            waiting = [pool.submit(_write_bunch, job, bunch) for bunch in bunches]
            try:
                for done in as_completed(waiting):
                    yield done.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _write_bunch(job: _Job, indices: range) -> int:
    cv2.setNumThreads(1)
    for index in indices:
        layout, root = LAYOUTS[job.layout], Path(job.root)
        paths = [root / path for path in layout.paths(index, job.split)]
        if not all(path.exists() for path in paths):
            image, label = render_street(job.seed, index, job.size, job.style)
            _write(paths[0], encode_image(image))
            _write(paths[1], layout.encode(label))
    return len(indices)


def _write(path: Path, content: bytes) -> None:
    with atomic_path(path) as partial:
        partial.write_bytes(content)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run OpenCV without its own threads, which would not survive a fork."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
