from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import torch
from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from mmseg_joint.errors import JointError
from mmseg_joint.utils.memory import peak_bytes

from .batches import Batch
from .loop import start
from .settings import Settings

STEPS = 3  # the optimizers have their state from the second step on


def peak_memory(
    cfg: Config, batch: Batch, settings: Settings, build: Callable[[Config], Any] = start
) -> int:
    """Measure the peak memory in bytes in a fresh process, so that no other config adds to it.

    On a GPU it counts tensors, on a CPU the whole process, with Python and libraries.

    Raises:
        JointError: When the process died, most likely because memory ran out.
    """
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(
                _train, cfg, batch, settings, torch.get_num_threads(), build
            ).result()
        except BrokenProcessPool as error:
            raise JointError(
                'The process that measures the peak memory died, most likely out of memory: '
                'choose a smaller --size or --samples-per-domain.'
            ) from error


def _train(
    cfg: Config, batch: Batch, settings: Settings, threads: int, build: Callable[[Config], Any]
) -> int:
    torch.set_num_threads(threads)
    if cfg.get('custom_imports'):
        import_modules_from_strings(**cfg.custom_imports)
    loop = build(cfg)
    for _ in range(STEPS):
        loop.step(batch)
    return peak_bytes(torch.device(settings.device_type)) or 0
