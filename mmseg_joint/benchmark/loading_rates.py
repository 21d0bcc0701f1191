from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATASETS

from mmseg_joint.engine.launch import pin_memory
from mmseg_joint.utils.walk import dicts_in

from .photographs import write_like

FORMS = ('png', 'resized png', 'resized jpeg')
KINDS = ('GTADataset', 'CityscapesIdsDataset')
IMAGES = 2  # of each dataset; their files are in memory after the first batches anyway


def loading_rates(
    cfg: Config, size: tuple[int, int], workers: int, folder: Path, seconds: float
) -> Iterator[dict[str, Any]]:
    """Measure images per second from a config's loader on GTA5 and Cityscapes, by file format.

    Yields the numbers so far, after each format.
    """
    found: dict[str, Any] = {'workers': workers, 'size': list(size)}
    for form, batches in real_batches(cfg, size, workers, folder):
        for _ in range(4):
            next(batches)
        begin, count = time.perf_counter(), 0
        while time.perf_counter() - begin < seconds:
            count += len(next(batches)['inputs'])
        found[form] = count / (time.perf_counter() - begin)
        yield found
        print(f'{form}: {found[form]:.4g} images/s with {workers} workers', flush=True)


def real_batches(
    cfg: Config, size: tuple[int, int], workers: int, folder: Path
) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """Yield each form of the files, with endless batches from a config's own loader.

    Pipelines resize to `size`, the size of the resized forms. Existing images are not written
    again.
    """
    init_default_scope('mmseg')
    cv2.setNumThreads(0)  # as a Runner does; else each worker starts a thread per core
    for form in FORMS:
        loader = copy.deepcopy(cfg.train_dataloader)
        loader.num_workers, loader.persistent_workers = workers, workers > 0
        loader.pop('prefetch_factor', None)
        pin_memory(loader)
        _point(loader.dataset, folder, form, size)
        yield form, _endless(Runner.build_dataloader(loader, seed=0))


def _endless(loader: Any) -> Iterator[dict[str, Any]]:
    while True:
        yield from loader


def _point(dataset: Any, folder: Path, form: str, size: tuple[int, int]) -> None:
    """Point all nested datasets to the files of a form, and set the size they are resized to."""
    for _, node in dicts_in(dataset):
        kind = node.get('type')
        if kind in KINDS:
            if 'jpeg' in form:
                node['img_suffix'] = DATASETS.get(kind).IMG_SUFFIX.replace('.png', '.jpg')
            resized = size if 'resized' in form else None
            name = f'{form}_{size[0]}x{size[1]}' if resized else form
            node['data_root'] = str(folder / name.replace(' ', '_') / kind)
            _write(node, resized)
        if kind == 'LabelSubset':
            node.update(count=None, fraction=1.0, list_file=None)
        if kind == 'Resize':
            node['scale'] = size


def _write(dataset: dict[str, Any], size: tuple[int, int] | None) -> None:
    """Write a dataset's images, all or none, unless they exist."""
    root = Path(dataset['data_root'])
    if root.exists():
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent) as folder:
        new = Path(folder, 'new')
        cfg = {**dataset, 'data_root': str(new), 'lazy_init': True}
        write_like(DATASETS.build(cfg), IMAGES, size=size)
        new.rename(root)
