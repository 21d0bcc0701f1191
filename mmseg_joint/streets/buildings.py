from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .colors import Color, chance, hexes, mix, pick, scale, shade_of
from .labels import BUILDING
from .light import TOWARDS
from .scene import Scene
from .shapes import across, along, grid_across, grid_along, quad

_SHOPS = hexes('8c2f2a 2a4a6c 2f5a3c 3a3a3e b08a3a 6a3a5a d0ccc4 4a4038')
_AWNINGS = hexes('a83a32 2f6a4a 34507c c8c0b0 c8902c')


@dataclass(frozen=True)
class Facade:
    """One house: a plane along the street, and the end that faces the camera.

    Attributes:
        side: -1 left, 1 right of the street.
        x: The plane of its front.
        start: Near end.
        stop: Far end.
        height: Of the eaves.
        depth: Away from the street.
        wall: Color of the wall.
    """

    side: int
    x: float
    start: float
    stop: float
    height: float
    depth: float
    wall: Color

    @property
    def corners(self) -> np.ndarray:
        """Corners of its ground plan."""
        far = self.x + self.side * self.depth
        return np.array(
            [(x, 0.0, z) for x in (self.x, far) for z in (max(self.start, 0.0), self.stop)]
        )

    @property
    def normal(self) -> tuple[float, float, float]:
        """Direction that the front faces."""
        return (-float(self.side), 0.0, 0.0)


def draw_facade(scene: Scene, side: int, distance: float, start: float, length: float) -> Facade:
    """A house of the scene's style, its front ``distance`` meters from the axis."""
    rng, style = scene.rng, scene.style
    low, high = style.building_height
    height = low + (high - low) * float(rng.random()) ** 1.4
    wall = shade_of(rng, style.facades, 0.1)
    x = side * (distance + float(rng.uniform(0.0, 0.4)))
    return Facade(side, x, start, start + length, height, float(rng.uniform(10.0, 16.0)), wall)


def paint_building(scene: Scene, house: Facade) -> None:
    """A house with stories, windows, a ground floor and a roof."""
    canvas, rng = scene.canvas, scene.rng
    canvas.shadow(_footprint_shadow(scene, house))
    if not canvas.sees(house.corners):
        return
    wall = house.wall
    if chance(rng, scene.style.pitched_roof):
        _roof(scene, house)
    near = max(house.start, -6.0)
    canvas.fill(along(house.x, 0.0, house.height, near, house.stop), BUILDING, wall, house.normal)
    ground = float(rng.uniform(3.2, 4.4))
    frame = pick(rng, scene.style.frames)
    glass = shade_of(rng, scene.style.glass, 0.15)
    if house.stop < 140.0:
        _windows(scene, house, ground, frame, glass)
        _ground_floor(scene, house, ground, glass)
    _end(scene, house, ground, frame, glass)


def paint_skyline(scene: Scene, x: float, z: float, width: float, height: float) -> None:
    """A house so far away that only its outline matters."""
    wall = shade_of(scene.rng, scene.style.facades, 0.1)
    scene.canvas.fill(across(x, x + width, 0.0, height, z), BUILDING, wall, TOWARDS)


def _footprint_shadow(scene: Scene, house: Facade) -> np.ndarray:
    """Shadow of the front and of the end, as two polygons of four points."""
    far = house.x + house.side * house.depth
    tops = np.array(
        [
            [house.x, house.height, house.start],
            [house.x, house.height, house.stop],
            [far, house.height, house.start],
            [far, house.height, house.stop],
        ]
    )
    fallen = scene.canvas.light.cast(tops)
    feet = tops * np.array([1.0, 0.0, 1.0])
    return np.stack(
        [
            np.stack([feet[0], feet[1], fallen[1], fallen[0]]),
            np.stack([feet[0], feet[2], fallen[2], fallen[0]]),
            np.stack([feet[1], feet[3], fallen[3], fallen[1]]),
            np.stack([fallen[0], fallen[1], fallen[3], fallen[2]]),
        ]
    )


def _stories(rng: np.random.Generator, house: Facade, ground: float) -> tuple[np.ndarray, float]:
    """Lower edges of the windows of each story, and the height of a story."""
    count = max(1, int((house.height - ground) / float(rng.uniform(2.9, 3.5))))
    story = (house.height - ground) / count
    return ground + story * np.arange(count) + 0.28 * story, story


def _windows(scene: Scene, house: Facade, ground: float, frame: Color, glass: Color) -> None:
    """Rows of windows along the front, with frames, sills and sometimes balconies."""
    canvas, rng = scene.canvas, scene.rng
    sills, story = _stories(rng, house, ground)
    length = house.stop - house.start
    count = max(1, int(length / float(rng.uniform(2.2, 3.6))))
    pitch = length / count
    broad, tall = pitch * float(rng.uniform(0.38, 0.72)), story * float(rng.uniform(0.45, 0.62))
    starts = house.start + pitch * np.arange(count) + 0.5 * (pitch - broad)
    starts = starts[starts > 0.3]
    if not len(starts):
        return
    x = house.x
    detail = canvas.pixels_per_meter(0.5 * (max(house.start, 2.0) + house.stop))
    if detail > 7.0:
        outer = grid_along(x, sills - 0.12, starts - 0.12, tall + 0.24, broad + 0.24)
        canvas.fill(outer, BUILDING, frame, house.normal)
    panes = grid_along(x, sills, starts, tall, broad)
    _panes(scene, panes, glass)
    if detail > 10.0:
        cross = grid_along(x, sills, starts + 0.5 * broad - 0.04, tall, 0.08)
        canvas.fill(cross, BUILDING, frame, house.normal)
    _ledges(scene, house, sills - 0.25 * story)
    if chance(rng, 0.25) and story < 4.5:
        _balconies(scene, house, sills - 0.2 * story, starts, broad)


def _panes(scene: Scene, panes: np.ndarray, glass: Color) -> None:
    """Window panes in a few shades: dark rooms, curtains, reflected sky."""
    rng, light = scene.rng, scene.canvas.light
    kinds = rng.choice(4, size=len(panes), p=(0.5, 0.25, 0.15, 0.1))
    curtain = mix(glass, (190.0, 205.0, 215.0), 0.5)
    tones = (glass, scale(glass, 0.7), mix(glass, light.low, 0.45), curtain)
    for kind, tone in enumerate(tones):
        scene.canvas.fill(panes[kinds == kind], BUILDING, tone)


def _ledges(scene: Scene, house: Facade, levels: np.ndarray) -> None:
    """A cornice under the roof and, on some houses, a band at each story."""
    rng = scene.rng
    tone = scale(house.wall, float(rng.uniform(0.72, 1.2)))
    near = max(house.start, -6.0)
    bands = [along(house.x, house.height - 0.5, house.height, near, house.stop)]
    if chance(rng, 0.45):
        bands += [along(house.x, y, y + 0.16, near, house.stop) for y in levels]
    scene.canvas.fill(np.stack(bands), BUILDING, tone, house.normal)


def _balconies(
    scene: Scene, house: Facade, levels: np.ndarray, starts: np.ndarray, broad: float
) -> None:
    """Slabs with a railing that stand out of the wall, in some of the columns."""
    canvas, rng = scene.canvas, scene.rng
    starts = starts[:: int(rng.integers(2, 4))]
    front = house.x - house.side * 1.1
    tone = mix(house.wall, (200.0, 200.0, 200.0), 0.4)
    ends = [across(house.x, front, y, y + 1.05, z - 0.3) for y in levels[1:] for z in starts]
    if ends:
        canvas.fill(np.stack(ends), BUILDING, scale(tone, 0.85), TOWARDS)
        rails = grid_along(front, levels[1:], starts - 0.3, 1.05, broad + 0.6)
        canvas.fill(rails, BUILDING, tone, house.normal)


def _ground_floor(scene: Scene, house: Facade, ground: float, glass: Color) -> None:
    """Shops, or doors and low windows."""
    canvas, rng = scene.canvas, scene.rng
    near = max(house.start, 0.3)
    if house.stop <= near + 1.0:
        return
    if chance(rng, 0.5):
        _shops(scene, house, ground, glass, near)
        return
    base = along(house.x, 0.0, float(rng.uniform(0.5, ground)), near, house.stop)
    canvas.fill(base, BUILDING, scale(house.wall, float(rng.uniform(0.62, 0.95))), house.normal)
    places = np.arange(near + 1.0, house.stop - 1.6, 3.2)
    if len(places):
        canvas.fill(
            grid_along(house.x, np.array([1.1]), places, 1.6, 1.3), BUILDING, scale(glass, 0.85)
        )
        door = float(pick(rng, list(places)))
        canvas.fill(
            along(house.x, 0.0, 2.5, door - 0.05, door + 1.25),
            BUILDING,
            shade_of(rng, _SHOPS, 0.2),
            house.normal,
        )


def _shops(scene: Scene, house: Facade, ground: float, glass: Color, near: float) -> None:
    canvas, rng = scene.canvas, scene.rng
    width = float(rng.uniform(4.0, 7.0))
    for z in np.arange(near, house.stop - 1.5, width):
        stop = min(z + width, house.stop)
        tone = shade_of(rng, _SHOPS, 0.2)
        canvas.fill(along(house.x, 0.0, ground, z, stop), BUILDING, tone, house.normal)
        canvas.fill(along(house.x, 0.5, 2.7, z + 0.3, stop - 1.5), BUILDING, scale(glass, 0.9))
        canvas.fill(along(house.x, 0.1, 2.5, stop - 1.3, stop - 0.3), BUILDING, scale(glass, 0.6))
        if chance(rng, 0.35):
            edge = house.x - house.side * 1.2
            awning = quad(
                (house.x, 3.0, z + 0.2),
                (house.x, 3.0, stop - 0.2),
                (edge, 2.5, stop - 0.2),
                (edge, 2.5, z + 0.2),
            )
            canvas.fill(awning, BUILDING, shade_of(rng, _AWNINGS), (0.0, 0.8, 0.0))
        elif chance(rng, 0.6):
            board = along(house.x, 2.85, 3.4, z + 0.4, stop - 0.4)
            canvas.fill(board, BUILDING, shade_of(rng, _AWNINGS, 0.2), house.normal)


def _end(scene: Scene, house: Facade, ground: float, frame: Color, glass: Color) -> None:
    """The face that looks back along the street, over a lower neighbor or at a corner."""
    canvas, rng = scene.canvas, scene.rng
    if house.start < 1.0:
        return
    far = house.x + house.side * house.depth
    wall = scale(house.wall, 0.94)
    canvas.fill(across(house.x, far, 0.0, house.height, house.start), BUILDING, wall, TOWARDS)
    if house.start > 110.0 or chance(rng, 0.2):
        return
    sills, story = _stories(rng, house, ground)
    broad = float(rng.uniform(1.0, 1.6))
    places = np.arange(0.9, house.depth - broad, float(rng.uniform(2.4, 3.4)))
    lefts = house.x + house.side * places - (broad if house.side < 0 else 0.0)
    if canvas.pixels_per_meter(house.start) > 9.0:
        canvas.fill(
            grid_across(lefts - 0.1, sills - 0.1, house.start, broad + 0.2, 0.55 * story + 0.2),
            BUILDING,
            frame,
            TOWARDS,
        )
    _panes(scene, grid_across(lefts, sills, house.start, broad, 0.55 * story), glass)


def _roof(scene: Scene, house: Facade) -> None:
    """Tiles that rise from the eaves, the gable, and a chimney."""
    canvas, rng = scene.canvas, scene.rng
    tiles = shade_of(rng, scene.style.roofs, 0.1)
    rise, run = float(rng.uniform(2.5, 4.5)), 0.5 * house.depth
    ridge, eave = house.x + house.side * run, house.x - house.side * 0.3
    near, top = max(house.start, -6.0), house.height
    slope = quad(
        (eave, top, near),
        (eave, top, house.stop),
        (ridge, top + rise, house.stop),
        (ridge, top + rise, near),
    )
    canvas.fill(slope, BUILDING, tiles, (-0.6 * house.side, 0.8, 0.0))
    if house.start > 1.0:
        far = house.x + house.side * house.depth
        gable = np.array([(house.x, top, near), (far, top, near), (ridge, top + rise, near)])
        canvas.fill(gable, BUILDING, scale(house.wall, 0.94), TOWARDS)
    for _ in range(int(rng.integers(0, 3))):
        z = float(rng.uniform(near, house.stop))
        stack = across(ridge - 0.4, ridge + 0.4, top + 0.4 * rise, top + rise + 1.0, z)
        canvas.fill(stack, BUILDING, shade_of(rng, scene.style.roofs, 0.2), TOWARDS)
