from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .canvas import Canvas
from .street import Street
from .styles import Style


class Scene:
    """What painters share: the canvas, the street's layout and style, and the randomness.

    Things that stand on the ground are added with their position and painted far to near.

    Args:
        canvas: Where everything is painted.
        street: The layout.
        style: The domain's style.
        rng: The only source of randomness.

    Attributes:
        tram: Where trams stand: lane number to meters along the street.
    """

    def __init__(
        self, canvas: Canvas, street: Street, style: Style, rng: np.random.Generator
    ) -> None:
        self.canvas = canvas
        self.street = street
        self.style = style
        self.rng = rng
        self.tram: dict[int, float] = {}
        self._waiting: list[tuple[float, float, float, Callable[..., None], tuple]] = []

    def add(
        self,
        x: float,
        stop: float,
        painter: Callable[..., None],
        *values: Any,
        length: float = 0.0,
    ) -> None:
        """Queue a thing to be painted later.

        Args:
            x: Its position across the street.
            stop: Its far end, along the street.
            painter: Called as ``painter(scene, *values)``.
            *values: What the painter needs.
            length: Meters along the street, if it hides things beside it.
        """
        self._waiting.append((x, stop, length, painter, values))

    def paint(self) -> None:
        """Paint everything queued, far to near."""
        for number in self._order():
            _, _, _, painter, values = self._waiting[number]
            painter(self, *values)
        self._waiting.clear()

    def _order(self) -> list[int]:
        """Far ends first; but things beside a long thing, further out, come before it."""
        x, stop, length = (np.array([item[k] for item in self._waiting]) for k in range(3))
        x = x - self.canvas.camera.position[0]
        out, near = np.abs(x), stop - length
        for i in sorted(np.flatnonzero(length), key=lambda i: -out[i]):
            hidden = (out > out[i] + 0.6) & (x * x[i] > 0.0)
            hidden &= (stop > near[i] + 0.3) & (stop <= stop[i])
            # hidden things keep their order
            stop[hidden] = stop[i] + 1e-4 * (1.0 + stop[hidden])
        return np.argsort(-stop, kind='stable').tolist()
