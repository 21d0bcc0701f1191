from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from statistics import median, quantiles
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner
from tqdm import tqdm

from mmseg_joint.errors import JointError

from .settings import Settings

Times = dict[str, list[float]]


def interleaved(
    variants: Mapping[str, Callable[[], object]],
    settings: Settings,
    clock: Callable[[], float] = time.perf_counter,
) -> Times:
    """Time variants in turn, A B C A B C …, so that a machine's drift affects all alike.

    Returns the wall-clock seconds of each timed step by name. On a GPU, each is the mean of several
    steps without a wait between them, because in training the host runs ahead.
    """
    together = 4 if settings.device_type == 'cuda' else 1
    times: Times = {name: [] for name in variants}
    rounds = range(settings.warmup + settings.steps)
    for index in tqdm(rounds, 'steps', leave=False, disable=None):
        for name, step in variants.items():
            settings.synchronize()
            begin = clock()
            for _ in range(together):
                step()
            settings.synchronize()
            if index >= settings.warmup:
                times[name].append((clock() - begin) / together)
    return times


def ratio(above: list[float], below: list[float], factor: float = 1.0) -> dict[str, float]:
    """Return median and quartiles of the step-by-step ratio `above / (below * factor)`."""
    ratios = [a / (b * factor) for a, b in zip(above, below, strict=True)]
    if len(ratios) < 2:
        return {'median': ratios[0], 'low': ratios[0], 'high': ratios[0]}
    low, _, high = quantiles(ratios, n=4, method='inclusive')
    return {'median': median(ratios), 'low': low, 'high': high}


def loading_time(cfg: Config, settings: Settings) -> dict[str, float]:
    """Time a config's own data loader, with no other computation running.

    Returns:
        `seconds` per batch (all batches after the first together, to count prefetching workers
        fairly), `median` of the single waits, the `first` batch's wait, `images` in a batch,
        and `workers`.

    Raises:
        JointError: When the config has no data loader, or the dataset ends too early.
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
        'images': len(batch['inputs']),
        'workers': loader.num_workers,
    }
