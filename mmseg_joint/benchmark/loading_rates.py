from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmseg_joint.engine.launch import pin_memory

from .photographs import draw, draw_label

# of the originals, width and height
SIZES = {'gta': (1914, 1052), 'cityscapes': (2048, 1024)}
FORMS = ('png', 'resized png', 'resized jpeg')
NAMES = 16  # under which each image stands, so that workers find enough
STRIDE = 100


def loading_rates(
    cfg: Config,
    size: tuple[int, int],
    workers: int,
    folder: Path,
    seconds: float,
    save: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Images a second that a config's loader gives, from files of several forms.

    Args:
        cfg: A config that trains on GTA5 and Cityscapes.
        size: To which its pipeline resizes, and the size of the resized forms.
        workers: Of the loader.
        folder: Where images are written.
        seconds: How long to load of each form.
        save: Called whenever there is a form more.

    Returns:
        Form -> images a second.
    """
    found: dict[str, Any] = {'workers': workers, 'size': list(size)}
    for form, batches in real_batches(cfg, size, workers, folder):
        for _ in range(4):
            next(batches)
        begin, count = time.perf_counter(), 0
        while time.perf_counter() - begin < seconds:
            count += len(next(batches)['inputs'])
        found[form] = count / (time.perf_counter() - begin)
        save(found)
        print(f'{form}: {found[form]:.4g} images/s with {workers} workers', flush=True)
    return found


def real_batches(
    cfg: Config, size: tuple[int, int], workers: int, folder: Path
) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """A config's own loader on images written in several forms.

    Args:
        cfg: A config that trains on GTA5 and Cityscapes.
        size: To which its pipeline resizes, and the size of the resized forms.
        workers: Of the loader.
        folder: Where images are written, unless they are there.

    Yields:
        The form and its batches, without end.
    """
    init_default_scope('mmseg')
    cv2.setNumThreads(
        0
    )  # as a Runner does; a worker would start as many threads as there are cores
    _write(folder, size, workers)
    for form in FORMS:
        roots = {kind: _root(folder, form, kind) for kind in SIZES}
        loader = copy.deepcopy(cfg.train_dataloader)
        loader.num_workers, loader.persistent_workers = workers, workers > 0
        loader.pop('prefetch_factor', None)
        pin_memory(loader)
        suffix = '.jpg' if 'jpeg' in form else '.png'
        _point(loader.dataset, roots, suffix, size)
        yield form, _endless(Runner.build_dataloader(loader, seed=0))


def _endless(loader: Any) -> Iterator[dict[str, Any]]:
    while True:
        yield from loader


def _point(node: Any, roots: dict[str, Path], suffix: str, size: tuple[int, int]) -> None:
    """Point datasets at the folders, and resize to the size, wherever they stand."""
    if isinstance(node, (list, tuple)):
        for item in node:
            _point(item, roots, suffix, size)
    if not isinstance(node, dict):
        return
    kind = node.get('type')
    if kind in ('GTADataset', 'CityscapesIdsDataset'):
        gta = kind == 'GTADataset'
        node['data_root'] = str(roots['gta' if gta else 'cityscapes'])
        node['img_suffix'] = suffix if gta else f'_leftImg8bit{suffix}'
    if kind == 'LabelSubset':
        node.update(count=None, fraction=1.0, list_file=None)
    if kind == 'Resize':
        node['scale'] = size
    for value in list(node.values()):
        _point(value, roots, suffix, size)


def _root(folder: Path, form: str, kind: str) -> Path:
    return folder / form.replace(' ', '_') / kind


def _write(folder: Path, size: tuple[int, int], workers: int) -> None:
    """Write every form of the same images, as many as there are workers to write them."""
    done = folder / f'done_{size[0]}x{size[1]}'
    if done.is_file():
        return
    jobs = [(kind, index, folder, size) for kind in SIZES for index in range(max(2, workers // 2))]
    with ProcessPoolExecutor(max(1, workers)) as pool:
        list(pool.map(_write_one, jobs))
    done.touch()


def _write_one(job: tuple[str, int, Path, tuple[int, int]]) -> None:
    kind, index, folder, size = job
    cv2.setNumThreads(1)
    rng = np.random.default_rng(index)
    image = draw(rng, SIZES[kind])
    label = draw_label(rng, SIZES[kind], list(range(7, 30)))
    for form in FORMS:
        if 'resized' in form:
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            label = cv2.resize(label, size, interpolation=cv2.INTER_NEAREST)
        suffix = '.jpg' if 'jpeg' in form else '.png'
        first = _names(kind, _root(folder, form, kind), suffix, index)
        for path, content in zip(first, (image, label)):
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), content)
        for copied in range(1, NAMES):
            others = _names(kind, _root(folder, form, kind), suffix, index + STRIDE * copied)
            for path, source in zip(others, first):
                path.unlink(missing_ok=True)
                os.link(source, path)


def _names(kind: str, root: Path, suffix: str, index: int) -> tuple[Path, Path]:
    if kind == 'gta':
        return root / f'images/{index:05d}{suffix}', root / f'labels/{index:05d}.png'
    stem = f'train/aachen/aachen_{index:06d}_000019_'
    return (
        root / f'leftImg8bit/{stem}leftImg8bit{suffix}',
        root / f'gtFine/{stem}gtFine_labelIds.png',
    )
