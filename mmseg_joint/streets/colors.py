from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Color = tuple[float, float, float]
"""Blue, green, red, 0 to 255: the order of OpenCV's images."""

T = TypeVar('T')


def hexes(text: str) -> tuple[Color, ...]:
    """Read a palette written as web colors: ``'b0a090 #445566'``."""
    numbers = [int(word.lstrip('#'), 16) for word in text.split()]
    return tuple((float(n & 255), float(n >> 8 & 255), float(n >> 16)) for n in numbers)


def mix(first: Color, second: Color, share: float) -> Color:
    """The color ``share`` of the way from the first to the second."""
    a, b = 1.0 - share, share
    return (
        a * first[0] + b * second[0],
        a * first[1] + b * second[1],
        a * first[2] + b * second[2],
    )


def scale(color: Color, factor: float) -> Color:
    """The color made brighter or darker."""
    return (color[0] * factor, color[1] * factor, color[2] * factor)


def pick(rng: np.random.Generator, values: Sequence[T]) -> T:
    """One of the values, each as likely as the others."""
    return values[int(rng.integers(len(values)))]


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with the given probability."""
    return bool(rng.random() < probability)


def shade_of(rng: np.random.Generator, palette: Sequence[Color], spread: float = 0.06) -> Color:
    """A palette color, a little brighter or darker than it is written."""
    return scale(pick(rng, palette), 1.0 + spread * float(rng.uniform(-1.0, 1.0)))
