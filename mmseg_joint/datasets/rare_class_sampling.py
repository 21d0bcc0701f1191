from __future__ import annotations

import hashlib
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import DATASETS
from tqdm import tqdm
from tqdm.contrib.concurrent import thread_map

from mmseg_joint.datasets.chain import dataset_of
from mmseg_joint.datasets.sample_checks import load_sample
from mmseg_joint.datasets.wrapper import DatasetWrapper
from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import atomic_path
from mmseg_joint.utils.cores import available_cores
from mmseg_joint.utils.numbers import check_whole

RARE_PIXELS = 3000 / 512**2  # of a class, as a fraction of a crop (DAFormer)


@DATASETS.register_module()
class RareClassSampling(DatasetWrapper):
    """Draws images with rare classes more often.

    "DAFormer: Improving Network Architectures and Training Strategies for Domain-Adaptive Semantic
    Segmentation" (Hoyer et al., CVPR 2022). Let f_c be the share of class c among all labeled
    pixels. Each sample draws a class with P(c) ∝ exp((1 - f_c) / T), then one of the images that
    have at least `min_pixels` of it, and loads that image until its crop holds half as many. All of
    this is drawn from the generators that :class:`~mmseg_joint.datasets.JointDataset` seeds; the
    sampler's request matters only for that seed.

    The pixels of each class in each label file are counted once and cached; after a change in any
    file, all are counted again. Usually written as
    `JointDataset(rare_classes=dict(source=dict(), target=dict()))`.

    Args:
        dataset: A labeled dataset or its config.
        temperature: T; the smaller, the more often rare classes are drawn. None for .01, or .1 with
            fewer than 100 images, because .01 would then show only a few of them.
        min_pixels: Pixels of the class that a label file must have.
        tries: How often an image is loaded, at most, until its crop holds half of `min_pixels`.
        cache: Folder of the counts; `~/.cache/mmseg_joint` if None (or below `XDG_CACHE_HOME`).

    Raises:
        JointError: When a value is out of range, the dataset is unlabeled, or no image has
            `min_pixels` of any class.
    """

    def __init__(
        self,
        dataset: Any,
        temperature: float | None = None,
        min_pixels: int = 3000,
        tries: int = 10,
        cache: str | None = None,
    ) -> None:
        check_whole('RareClassSampling.min_pixels', min_pixels)
        check_whole('RareClassSampling.tries', tries)
        if temperature is not None and temperature <= 0:
            raise JointError(
                f'RareClassSampling.temperature is {temperature}: give a number above 0, or None'
            )
        super().__init__(dataset)
        if not self.labeled:
            raise JointError(
                'RareClassSampling needs labels, but its dataset is unlabeled: leave the domain '
                'out of train_dataloader.dataset.rare_classes'
            )
        self.temperature = temperature
        self.min_pixels = min_pixels
        self.tries = tries
        base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
        self.cache = Path(cache or Path(base, 'mmseg_joint')) / 'class_pixels'
        self.shares: np.ndarray | None = None
        self._images: list[np.ndarray] = []

    def full_init(self) -> None:
        """Initialize the inner dataset, and count its labels once."""
        if self.shares is not None:
            return
        self.dataset.full_init()
        counts = self.class_pixels()
        self._images = [np.flatnonzero(pixels >= self.min_pixels) for pixels in counts.T]
        found = np.array([len(images) > 0 for images in self._images])
        if not found.any():
            raise JointError(
                f'RareClassSampling.min_pixels is {self.min_pixels}, but no image has as many '
                f'pixels of one class (the most are {counts.max(initial=0)}): lower it'
            )
        self.shares = class_shares(counts, self.temperature or (0.1 if len(counts) < 100 else 0.01))
        self.shares = np.where(found, self.shares, 0) / self.shares[found].sum()

    def class_pixels(self) -> np.ndarray:
        """Count each image's pixels of each class, or read the counts from the cache.

        Returns:
            Pixels, (images, classes).

        Raises:
            JointError: When the dataset's pipeline loads no labels.
        """
        infos = [self.dataset.get_data_info(index) for index in range(len(self.dataset))]
        classes = len(self.metainfo['classes'])
        loaders = [_label_loader(self.dataset, index) for index in range(len(infos))]
        file = self.cache / f'{_digest(infos, loaders, classes)}.npy'
        if file.is_file():
            return np.load(file)
        options: dict[str, Any] = {'desc': 'pixels of each class', 'unit': 'image'}
        options.update(max_workers=available_cores(), disable=not is_main_process())
        counts = np.stack(thread_map(partial(_count, classes), loaders, infos, **options))
        try:
            with atomic_path(file) as place, place.open('wb') as stream:
                np.save(stream, counts)
        except OSError as error:  # without a writable home the next run counts again
            tqdm.write(f'The counts cannot be kept in {file} ({error}).')
        return counts

    def __getitem__(self, index: int) -> Any:
        self.full_init()
        chosen = int(np.random.choice(len(self._images), p=self.shares))
        image = int(np.random.choice(self._images[chosen]))
        for _ in range(self.tries):
            packed = load_sample(self.dataset, image)  # not the index's: its files are checked
            pixels = (packed['data_samples'].gt_sem_seg.data == chosen).sum()
            if 2 * int(pixels) >= self.min_pixels:
                break
        return packed


def class_shares(counts: np.ndarray, temperature: float) -> np.ndarray:
    """Return DAFormer's P(c), (classes,), from each class's pixels, (images, classes), and T."""
    frequency = counts.sum(axis=0) / max(counts.sum(), 1)
    exponents = (1 - frequency) / temperature
    weights = np.exp(exponents - exponents.max())
    return weights / weights.sum()


def _count(classes: int, load: Any, info: dict) -> np.ndarray:
    labels = load(dict(info))['gt_seg_map']
    return np.bincount(labels.ravel(), minlength=256)[:classes]


def _label_loader(dataset: Any, index: int) -> Any:
    """Find the step that loads a sample's label, in its dataset's pipeline inside all wrappers."""
    pipeline = getattr(dataset_of(dataset, index), 'pipeline', None)
    for step in getattr(pipeline, 'transforms', ()):
        if isinstance(step, LoadAnnotations):
            return step
    raise JointError(
        'RareClassSampling finds no LoadAnnotations in the pipeline of its dataset: load labels '
        'there'
    )


def _digest(infos: list[dict], loaders: list[Any], classes: int) -> str:
    """Hash what the counts depend on: label files, how they are read, and the classes."""
    configurations = {load: _short(_configuration(load)) for load in set(loaders)}
    facts = []
    for info, load in zip(infos, loaders):
        path = info.get('seg_map_path', '')
        state = os.stat(path) if os.path.isfile(path) else None
        stamp = (state.st_size, state.st_mtime_ns) if state else None
        ids = sorted((int(raw), int(to)) for raw, to in (info.get('label_map') or {}).items())
        reduce = load.reduce_zero_label
        reduce = info.get('reduce_zero_label') if reduce is None else reduce
        facts.append([os.path.abspath(path), stamp, ids, reduce, configurations[load]])
    return _short(json.dumps([classes, facts]))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _configuration(step: Any) -> str:
    """Return a loading step's type and values as text, the same in every process."""
    kind = type(step)
    # mmseg's LoadAnnotations adopts reduce_zero_label from the first sample that it loads
    values = sorted((k, v) for k, v in vars(step).items() if k != 'reduce_zero_label')
    with np.printoptions(threshold=sys.maxsize, floatmode='unique'):  # no array is shortened
        return f'{kind.__module__}.{kind.__qualname__} {values!r}'
