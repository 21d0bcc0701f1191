from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median, quantiles

from tqdm import tqdm

from .settings import Settings

Times = dict[str, list[float]]


def interleaved(variants: dict[str, Callable[[], object]], settings: Settings) -> Times:
    """Time variants in turn, A B C A B C …, so that a machine's drift reaches all of them alike.

    Args:
        variants: Name -> one step.
        settings: Number of steps, device.

    Returns:
        Name -> seconds of each timed step, in order.
    """
    times: Times = {name: [] for name in variants}
    rounds = range(settings.warmup + settings.steps)
    for index in tqdm(rounds, 'steps', leave=False, disable=None):
        for name, step in variants.items():
            settings.synchronize()
            begin = time.perf_counter()
            step()
            settings.synchronize()
            if index >= settings.warmup:
                times[name].append(time.perf_counter() - begin)
    return times


def ratio(above: list[float], below: list[float], factor: float = 1.0) -> dict[str, float]:
    """Median of the pairwise ratios of two variants, and the quarter points.

    Args:
        above: Seconds of the first variant.
        below: Seconds of the second, measured in the same rounds.
        factor: Multiplies each of `below`.

    Returns:
        `median`, `low` and `high`: half of the rounds lie between the latter two.
    """
    ratios = [a / (b * factor) for a, b in zip(above, below, strict=True)]
    if len(ratios) < 2:
        return {'median': ratios[0], 'low': ratios[0], 'high': ratios[0]}
    low, _, high = quantiles(ratios, n=4, method='inclusive')
    return {'median': median(ratios), 'low': low, 'high': high}
