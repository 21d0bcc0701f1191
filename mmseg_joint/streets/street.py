from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .colors import chance, pick
from .styles import Style

PARKING_WIDTH = 2.1
END = 190.0
"""Meters to the end of the street."""


@dataclass(frozen=True)
class Block:
    """A stretch of one side of the street with one kind of edge.

    Attributes:
        side: -1 left, 1 right.
        start: Near end, in meters along the street.
        stop: Far end.
        kind: ``buildings``, ``park``, ``wall`` or ``fence``.
        corner: A cross street lies just before it.
    """

    side: int
    start: float
    stop: float
    kind: str
    corner: bool


@dataclass(frozen=True)
class Street:
    """The layout of a street; distances are meters from its axis.

    Attributes:
        lane_width: Width of each lane.
        lanes: Number of lanes in each direction.
        parking: Whether cars park on the left and on the right.
        verges: Width of the green strip beside the road, left and right.
        pavements: Width of the pavements, left and right, verge included.
        tramway: Rails in the two middle lanes.
        crossings: Near and far curb of each cross street.
        blocks: Both sides, in stretches.
    """

    lane_width: float
    lanes: int
    parking: tuple[bool, bool]
    verges: tuple[float, float]
    pavements: tuple[float, float]
    tramway: bool
    crossings: tuple[tuple[float, float], ...]
    blocks: tuple[Block, ...]

    def curb(self, side: int) -> float:
        """Edge of the road on a side (-1 or 1), unsigned."""
        wide = PARKING_WIDTH if self.parking[side > 0] else 0.3
        return self.lanes * self.lane_width + wide

    def front(self, side: int) -> float:
        """The building line on a side, unsigned."""
        return self.curb(side) + self.pavements[side > 0]

    def verge(self, side: int) -> float:
        """Width of the green strip on a side."""
        return self.verges[side > 0]

    def crossed(self, z: float, margin: float = 0.0) -> bool:
        """Whether a position lies on a cross street or within ``margin`` of one."""
        return any(near - margin < z < far + margin for near, far in self.crossings)

    def lane(self, number: int) -> float:
        """Middle of a lane: 0, 1, … to the right of the axis, -1, -2, … to the left."""
        return (number + 0.5) * self.lane_width


def draw_street(rng: np.random.Generator, style: Style) -> Street:
    """A street in a style."""
    crossings = _crossings(rng, style)
    verges = tuple(
        float(rng.uniform(1.0, 2.2)) if chance(rng, style.verge) else 0.0 for _ in range(2)
    )
    pavements = tuple(float(rng.uniform(*style.pavement)) + verge for verge in verges)
    blocks = [block for side in (-1, 1) for block in _blocks(rng, style, side, crossings)]
    return Street(
        lane_width=float(rng.uniform(*style.lane_width)),
        lanes=pick(rng, style.lanes),
        parking=(chance(rng, style.parking), chance(rng, style.parking)),
        verges=(verges[0], verges[1]),
        pavements=(pavements[0], pavements[1]),
        tramway=chance(rng, style.tramway),
        crossings=crossings,
        blocks=tuple(blocks),
    )


def _crossings(rng: np.random.Generator, style: Style) -> tuple[tuple[float, float], ...]:
    found, z = [], float(rng.uniform(12.0, 60.0))
    while chance(rng, style.crossroads) and z < END - 60.0:
        width = float(rng.uniform(7.0, 11.0))
        found.append((z, z + width))
        z += width + float(rng.uniform(45.0, 90.0))
    return tuple(found)


def _blocks(
    rng: np.random.Generator, style: Style, side: int, crossings: tuple[tuple[float, float], ...]
) -> list[Block]:
    kinds = list(style.blocks)
    odds = np.cumsum(list(style.blocks.values()))
    blocks, start = [], -14.0
    for near, far in [*crossings, (END, END)]:
        corner = start > 0.0
        stop = near - 2.5 if near < END else END
        while stop - start > 1.0:
            length = float(rng.uniform(30.0, 80.0))
            length = stop - start if stop - start < length + 18.0 else length
            kind = kinds[int(np.searchsorted(odds, rng.random() * odds[-1]))]
            blocks.append(Block(side, start, start + length, kind, corner))
            start, corner = start + length, False
        start = far + 2.5
    return blocks
