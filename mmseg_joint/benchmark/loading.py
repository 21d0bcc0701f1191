from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner
from tqdm import tqdm

from mmseg_joint.errors import JointError

from .settings import Settings


def loading_time(cfg: Config, settings: Settings) -> dict[str, float]:
    """Time a config's own data loader, with nobody computing beside it.

    Args:
        cfg: The config, not the prepared one.
        settings: Number of batches.

    Returns:
        `seconds` a batch (all batches after the first over the time they took, so that workers
        that prefetch are counted fairly), `median` of the single waits, `first` batch's wait,
        `pictures` in a batch, and `workers`.

    Raises:
        JointError: The config has no data loader, or the data set ends too early.
    """
    if not cfg.get('train_dataloader'):
        raise JointError('--data: the config has no train_dataloader.')
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    waits = []
    batches: Iterator[dict[str, Any]] = iter(loader)
    count = settings.warmup + settings.steps + 1
    for _ in tqdm(range(count), 'data loader', leave=False, disable=None):
        begin = time.perf_counter()
        try:
            batch = next(batches)
        except StopIteration:
            raise JointError(
                f'--data: the data loader ended before {count} batches: lower --steps.'
            ) from None
        waits.append(time.perf_counter() - begin)
    timed = waits[1 + settings.warmup :]
    return {
        'seconds': sum(timed) / len(timed),
        'median': median(timed),
        'first': waits[0],
        'pictures': len(batch['inputs']),
        'workers': loader.num_workers,
    }
