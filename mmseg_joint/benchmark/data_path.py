from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from tqdm import tqdm

from mmseg_joint.datasets.configured import innermost
from mmseg_joint.datasets.prepared.writing import to_prepare, write_copy
from mmseg_joint.datasets.raw_label_dataset import RawLabelDataset
from mmseg_joint.errors import JointError

from .photographs import write_like
from .report import table
from .settings import Settings
from .timing import interleaved

IMAGES = 4
TARGET = 3.0


@dataclass
class Reading:
    """The time that loading and augmenting the images of one dataset takes."""

    domain: str
    dataset: str
    size: tuple[int, int]  #: width and height of the originals
    seconds: list[float]  #: CPU time of each image, from the originals
    #: the same from a prepared copy
    prepared: list[float] = field(default_factory=list)
    note: str | None = None  #: why there is no copy

    @property
    def gain(self) -> float | None:
        """Return the speedup of the copy in images per second."""
        return median(self.seconds) / median(self.prepared) if self.prepared else None

    def row(self) -> list[str]:
        """Return the cells of its row."""
        name = f'{self.domain}: {self.dataset}, {self.size[0]}x{self.size[1]}'
        cells = [name, f'{1 / median(self.seconds):.1f}']
        if self.gain is None:
            return [*cells, '', '']
        met = 'met' if self.gain >= TARGET else 'missed'
        return [*cells, f'{1 / median(self.prepared):.1f}', f'{self.gain:.1f} ({met})']


@dataclass
class DataPathReport:
    """The numbers of every dataset of a config."""

    readings: list[Reading]  #: one for each dataset

    def as_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        rows = [{**asdict(one), 'gain': one.gain} for one in self.readings]
        return {'readings': rows, 'target': TARGET}

    def __str__(self) -> str:
        head = ['images/s on one core', 'originals', 'prepared', f'gain (>={TARGET})']
        lines = [table([head, *(one.row() for one in self.readings)])]
        return '\n'.join([*lines, *(one.note for one in self.readings if one.note)])


def measure_data_path(cfg: Config, rounds: int) -> DataPathReport:
    """Time every training pipeline of a config on made-up images, with and without preparation.

    Originals and copies take turns on one thread of this process, and its CPU time is counted. The
    files come from the system's cache: the disk is not measured.

    Raises:
        JointError: When the config has no dataset that reads images and labels from files.
    """
    init_default_scope('mmseg')
    datasets = list(_datasets(cfg))
    if not datasets:
        raise JointError('--data-path: the config has no dataset that reads raw labels.')
    threads = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        bar = tqdm(datasets, 'data path', leave=False, disable=None)
        return DataPathReport([_measure(domain, one, rounds) for domain, one in bar])
    finally:
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])


def _datasets(cfg: Config) -> Iterator[tuple[str, dict]]:
    """Yield name and config of each training dataset; a domain may have several."""
    found = (cfg.get('train_dataloader') or {}).get('dataset') or {}
    for domain, value in (found.get('domains') or {'train': found}).items():
        for _, inner in innermost(value, domain, domain == 'unlabeled'):
            kind = DATASETS.get(inner.get('type') or '')
            if kind is not None and issubclass(kind, RawLabelDataset):
                yield domain, inner


def _measure(domain: str, cfg: dict, rounds: int) -> Reading:
    with tempfile.TemporaryDirectory() as folder:
        root, out = Path(folder) / 'originals', Path(folder) / 'copy'
        unused = ('ann_file', 'indices', 'prepared')
        cfg = {key: value for key, value in cfg.items() if key not in unused}
        cfg.update(data_root=str(root))
        size = write_like(DATASETS.build({**cfg, 'lazy_init': True}), IMAGES)
        loads, note = {'original': partial(next, _samples(DATASETS.build(cfg)))}, None
        try:
            write_copy(*to_prepare(cfg, f"domain '{domain}'"), out, workers=1, progress=False)
            loads['copy'] = partial(next, _samples(DATASETS.build({**cfg, 'prepared': str(out)})))
        except JointError as error:
            note = str(error)
        settings = Settings(warmup=IMAGES, steps=rounds * IMAGES, device='cpu')
        times = interleaved(loads, settings, time.process_time)
        seconds, prepared = times['original'], times.get('copy', [])
        return Reading(domain, cfg['type'], size, seconds, prepared, note)


def _samples(dataset: Any) -> Iterator[Any]:
    """Load every image in turn, without end."""
    while True:
        yield from (dataset[index] for index in range(IMAGES))
