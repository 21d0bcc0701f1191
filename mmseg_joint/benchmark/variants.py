from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.utils import import_modules_from_strings

from mmseg_joint.errors import JointError
from mmseg_joint.utils.memory import peak_bytes

from .batches import Batch
from .configs import prepare
from .loop import start
from .settings import Settings

STEPS = 3  # for the peak memory: the optimizers have their state from the second step on


@dataclass
class Variant:
    """Something whose steps are measured in comparison with others."""

    cfg: Config
    batch: Batch
    dtype: str | None = None  #: precision; None uses that of the settings
    #: builds its loop from the prepared config; importable by name
    build: Callable[[Config], Any] = start


@contextmanager
def started(
    variants: dict[str, Variant], settings: Settings
) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
    """Bring variants to just before their first step; yield loops, and peak memory if measured."""
    first = next(iter(variants.values()))
    init_default_scope(first.cfg.get('default_scope', 'mmseg'))
    with tempfile.TemporaryDirectory() as folder:
        prepared = {}
        for index, (name, one) in enumerate(variants.items()):
            own = replace(settings, dtype=one.dtype or settings.dtype)
            place = Path(folder) / str(index)
            prepared[name] = prepare(one.cfg, own, f'benchmark_{index}', str(place))
        peaks = {}
        if settings.memory:  # before any loop exists here: a GPU holds one at a time
            for name, one in variants.items():
                peaks[name] = peak_memory(prepared[name], one.batch, settings, one.build)
        yield {name: one.build(prepared[name]) for name, one in variants.items()}, peaks


def peak_memory(
    cfg: Config, batch: Batch, settings: Settings, build: Callable[[Config], Any] = start
) -> int:
    """Measure the peak memory in bytes in a fresh process, so that no other config adds to it.

    On a GPU it counts tensors, on a CPU the whole process, with Python and libraries.

    Raises:
        JointError: When the process died, most likely because memory ran out.
    """
    fresh = multiprocessing.get_context('spawn')
    threads = (torch.get_num_threads(),)
    with ProcessPoolExecutor(1, fresh, torch.set_num_threads, threads) as pool:
        try:
            return pool.submit(_train, cfg, batch, settings, build).result()
        except BrokenProcessPool as error:
            raise JointError(
                'The process that measures the peak memory died, most likely out of memory: '
                'choose a smaller --size or --samples-per-domain.'
            ) from error


def _train(cfg: Config, batch: Batch, settings: Settings, build: Callable[[Config], Any]) -> int:
    if cfg.get('custom_imports'):
        import_modules_from_strings(**cfg.custom_imports)
    loop = build(cfg)
    for _ in range(STEPS):
        loop.step(batch)
    return peak_bytes(torch.device(settings.device_type)) or 0
