"""What a few seeds can show: gains with intervals, and how many labels a method saves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import inf
from typing import Any

import numpy as np
from scipy.stats import sem
from scipy.stats import t as student

CONFIDENCE = 0.95
LEAST = 0.05  # points
GRID = 512  # candidate numbers of labels, evenly spaced in their logarithm

Scores = Mapping[int, float]
"""Seed -> score in percent."""


@dataclass(frozen=True)
class Gain:
    """The mean of the differences, seed by seed, with its interval."""

    mean: float  #: in points
    low: float | None  #: lower end of Student's interval; None for fewer than two seeds
    high: float | None  #: upper end
    seeds: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval excludes 0: only then is the mean called a gain or a loss.

        A mean that rounds to 0 points never counts, whatever its interval: metrics round scores.
        """
        if self.low is None or self.high is None:
            return False
        return not self.low <= 0 <= self.high and abs(self.mean) >= LEAST


def signed(number: float, digits: int = 1) -> str:
    """Write a number with its sign; if it rounds to 0, with a plus."""
    return f'{round(number, digits) + 0.0:+.{digits}f}'


def gain_of(differences: Sequence[float]) -> Gain | None:
    """Put an interval around the mean of paired differences.

    The interval is the mean ± t s / √n, with the sample standard deviation s and Student's
    quantile t for n - 1 degrees of freedom.
    """
    if not differences:
        return None
    mean = float(np.mean(differences))
    if len(differences) < 2:
        return Gain(mean, None, None, 1)
    half = float(half_width(differences))
    return Gain(mean, mean - half, mean + half, len(differences))


def half_width(values: Any) -> np.ndarray:
    """Half of Student's interval around the mean over the first axis."""
    return student.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * sem(values)


def paired(scores: Scores, others: Scores) -> list[float]:
    """Subtract scores of the same seed, which fixes labels, order and initial weights for both."""
    return [scores[seed] - others[seed] for seed in sorted(set(scores) & set(others))]


@dataclass(frozen=True)
class LabelsNeeded:
    """How many labels target-only training needs for a method's score."""

    #: by the curve of means; None if it lies outside the curve, at the end named by `beyond`
    number: float | None
    #: the smallest number that the seeds do not exclude, 0 if it lies before the curve; None
    #: for fewer than two seeds
    low: float | None
    high: float | None  #: the largest such number, infinite if it lies beyond the curve
    least: int  #: fewest labels on the curve
    most: int  #: most labels on the curve
    beyond: str = ''  #: `'below'`, `'above'` or `''`
    counts: tuple[int, ...] = ()  #: labels of the curve's points
    seeds: tuple[int, ...] = ()  #: seeds that the method and all these points have
    #: number of labels that is not on the curve -> how many of the seeds it has
    left_out: Mapping[int, int] = field(default_factory=dict)
    unused: tuple[int, ...] = ()  #: other seeds of the method


def labels_needed(curve: Mapping[int, Scores], scores: Scores) -> LabelsNeeded | None:
    """Find how many labels target-only training needs for as good a score.

    The estimate uses the numbers of labels and seeds that together make the most runs: a number of
    labels with few seeds does not discard the others, and the result names what is left out. The
    curve is interpolated linearly in the logarithm of the number of labels. The interval holds
    each number at which the Student interval of the paired differences, seed by seed, between the
    method and the interpolated curve includes 0: so the curve's own spread counts too.

    Args:
        curve: Labeled images, above 0 -> target-only training's scores.
        scores: The method's.

    Returns:
        The estimate; None if no two points of the curve share a seed with the method.
    """
    counts, seeds = _most_runs(curve, scores)
    if not seeds:
        return None
    places = np.log(counts)
    grid = np.linspace(places[0], places[-1], GRID)
    own = np.array([scores[seed] for seed in seeds])
    curves = np.array([[curve[n][seed] for n in counts] for seed in seeds])
    # (seeds, GRID): how far the method is above the curve
    above = own[:, None] - np.array([np.interp(grid, places, line) for line in curves])
    place = _crossing(above.mean(axis=0), grid)
    beyond = {inf: 'above', -inf: 'below'}.get(place, '')
    low = high = None
    if len(seeds) > 1:
        # the interval must hold the estimate, wherever that is and however well the seeds agree
        held = [*grid[np.abs(above.mean(axis=0)) <= half_width(above)], place]
        first, last = min(*held, grid[-1]), max(*held, grid[0])
        low = float(np.exp(first)) if first > grid[0] else 0.0
        high = float(np.exp(last)) if last < grid[-1] else inf
    return LabelsNeeded(
        *(None if beyond else float(np.exp(place)), low, high, counts[0], counts[-1], beyond),
        counts=counts,
        seeds=seeds,
        left_out={n: len(set(seeds) & set(curve[n])) for n in sorted(curve) if n not in counts},
        unused=tuple(sorted(set(scores) - set(seeds))),
    )


def _most_runs(
    curve: Mapping[int, Scores], scores: Scores
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Choose two or more points of the curve, and the seeds that they share with the method.

    The choice has the most runs; among equals, the most seeds. A single seed, which has no
    interval, is used only if no two are shared.
    """

    def runs(points: tuple[tuple[int, ...], tuple[int, ...]]) -> tuple[bool, int, int]:
        counts, seeds = map(len, points)
        return seeds > 1, seeds * counts, seeds

    several = (c for n in range(2, len(curve) + 1) for c in combinations(sorted(curve), n))
    shared = ((c, tuple(sorted(set(scores).intersection(*(curve[n] for n in c))))) for c in several)
    return max(shared, key=runs, default=((), ()))


def _crossing(above: np.ndarray, grid: np.ndarray) -> float:
    """Find where the mean curve first reaches the score; ±infinity if it lies outside the curve."""
    reached = np.flatnonzero(above <= 0)
    if not len(reached):
        return inf
    last = reached[0]
    if last == 0:
        return float(grid[0]) if above[0] == 0 else -inf
    part = above[last - 1] / (above[last - 1] - above[last])
    return float(grid[last - 1] + part * (grid[last] - grid[last - 1]))
