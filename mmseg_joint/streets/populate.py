from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .barriers import paint_fence, paint_railing, paint_wall
from .buildings import draw_facade, paint_building, paint_skyline
from .colors import chance
from .furniture import (
    paint_bin,
    paint_board,
    paint_kiosk,
    paint_lamp,
    paint_pole,
    paint_sign,
    paint_signals,
)
from .plants import paint_bush, paint_hedge, paint_tree
from .scene import Scene
from .street import END, Block


def build_sides(scene: Scene) -> None:
    """Fill every block with houses, walls, fences and green, and close the street's end."""
    for block in scene.street.blocks:
        _BLOCKS[block.kind](scene, block)
        if block.corner:
            _corner(scene, block)
    _close(scene)


def _houses(scene: Scene, block: Block, setback: float = 0.0) -> None:
    rng = scene.rng
    distance, z = scene.street.front(block.side) + setback, block.start
    while z < block.stop - 2.0:
        length = float(rng.uniform(*scene.style.building_width))
        length = block.stop - z if block.stop - z - length < 6.0 else length
        if z + length > 0.8:
            house = draw_facade(scene, block.side, distance, z, length)
            scene.add(house.x, z + length + setback, paint_building, house)
        z += length + (float(rng.uniform(1.0, 4.0)) if chance(rng, 0.12) else 0.0)


def _park(scene: Scene, block: Block) -> None:
    """Grass, trees and bushes, sometimes fenced, with a dense row of trees behind."""
    rng, front = scene.rng, scene.street.front(block.side)
    near, far = max(block.start, 2.0), block.stop
    for z in np.arange(far, near, -16.0):
        x = block.side * (front + float(rng.uniform(11.0, 16.0)))
        scene.add(x, z + 4, paint_hedge, x, x + block.side * 45, z, float(rng.uniform(5, 9)))
    for _ in range(rng.poisson(max(far - near, 0.0) / 5.0)):
        x, z = front + rng.uniform(1.5, 14.0), rng.uniform(near, far)
        if chance(rng, 0.75):
            height = float(rng.uniform(6.0, 13.0))
            scene.add(block.side * x, z, paint_tree, block.side * x, z, height, 0.3 * height)
        else:
            _bush(scene, block.side * x, z, float(rng.uniform(0.5, 1.3)))
    if chance(rng, 0.45):
        _barrier(scene, paint_fence, block, float(rng.uniform(0.8, 1.6)))


def _bush(scene: Scene, x: float, z: float, radius: float) -> None:
    scene.add(x, z, paint_bush, x, z, radius)


def _barrier(scene: Scene, painter: Callable[..., None], block: Block, height: float) -> None:
    """A wall or a fence along a block; it hides what stands behind it."""
    front = scene.street.front(block.side)
    scene.add(
        block.side * front,
        block.stop,
        painter,
        block.side,
        front,
        block.start,
        block.stop,
        height,
        length=block.stop - block.start,
    )


def _railing(scene: Scene, side: int, start: float, stop: float) -> None:
    distance = scene.street.curb(side) + 0.35
    scene.add(
        side * distance, stop, paint_railing, side, distance, start, stop, length=stop - start
    )


def _walled(scene: Scene, block: Block) -> None:
    """A wall along the pavement, trees or set-back houses behind it."""
    _barrier(scene, paint_wall, block, float(scene.rng.uniform(1.2, 3.2)))
    _behind(scene, block)


def _fenced(scene: Scene, block: Block) -> None:
    """A fence along the pavement, a front garden, houses behind."""
    rng, front = scene.rng, scene.street.front(block.side)
    _barrier(scene, paint_fence, block, float(rng.uniform(1.0, 2.0)))
    for _ in range(rng.poisson((block.stop - block.start) / 7.0)):
        x, z = front + rng.uniform(1.0, 3.5), rng.uniform(max(block.start, 3.0), block.stop + 3.0)
        _bush(scene, block.side * x, z, float(rng.uniform(0.4, 1.2)))
    _behind(scene, block)


def _behind(scene: Scene, block: Block) -> None:
    rng, front = scene.rng, scene.street.front(block.side)
    if chance(rng, 0.55):
        _houses(scene, block, setback=float(rng.uniform(5.0, 9.0)))
        return
    near = max(block.start, 3.0)
    for z in np.arange(block.stop, near, -14.0):
        x = block.side * (front + 9.0)
        scene.add(x, z + 4, paint_hedge, x, x + block.side * 45, z, float(rng.uniform(5, 10)))
    for z in np.arange(near, block.stop, 6.5):
        height = float(rng.uniform(6.0, 12.0))
        x = block.side * (front + float(rng.uniform(3.0, 7.0)))
        scene.add(x, z, paint_tree, x, z, height, 0.3 * height)


def _corner(scene: Scene, block: Block) -> None:
    """Houses along the cross street, beyond the one at the corner."""
    distance = scene.street.front(block.side) + (14.0 if block.kind == 'buildings' else 0.0)
    while distance < 75.0:
        house = draw_facade(scene, block.side, distance, block.start + 0.5, 12.0)
        scene.add(house.x, block.start + 14.0 + 0.01 * distance, paint_building, house)
        distance += house.depth


def _close(scene: Scene) -> None:
    """Fill the far end: trees and the next quarter."""
    rng = scene.rng
    tall = float(rng.uniform(*scene.style.building_height))
    for x in np.arange(-130.0, 130.0, 18.0):
        width, height = float(rng.uniform(12.0, 22.0)), tall * float(rng.uniform(0.5, 1.1))
        scene.add(0.0, END + 40.0, paint_skyline, float(x), END + 40.0, width, height)
    scene.add(0.0, END + 5.0, paint_hedge, -60.0, 60.0, END + 5.0, 0.35 * tall + 3.0)


def furnish(scene: Scene) -> None:
    """Trees in rows, lamps, signs, signals, bins and railings on both pavements."""
    for side in (-1, 1):
        _tree_row(scene, side)
        _lamps(scene, side)
        _signs(scene, side)
        _clutter(scene, side)
    for near, far in scene.street.crossings:
        _signals(scene, near, far)


def _tree_row(scene: Scene, side: int) -> None:
    rng, street = scene.rng, scene.street
    if not chance(rng, 0.95 if street.verge(side) else scene.style.trees):
        return
    x = side * (street.curb(side) + (0.5 * street.verge(side) or 0.9))
    step, height = float(rng.uniform(7.0, 13.0)), float(rng.uniform(5.0, 11.0))
    for z in np.arange(float(rng.uniform(3.0, 14.0)), 120.0, step):
        if not street.crossed(z, 6.0) and chance(rng, 0.85):
            tall = height * float(rng.uniform(0.85, 1.15))
            spread = min(0.3 * tall, 1.4 + street.pavements[side > 0] * 0.3)
            at = x + float(rng.normal() * 0.1)
            scene.add(at, z, paint_tree, at, z, tall, spread)


def _lamps(scene: Scene, side: int) -> None:
    rng, street = scene.rng, scene.street
    x = side * (street.curb(side) + 0.55)
    height, step = float(rng.uniform(5.5, 9.0)), float(rng.uniform(18.0, 30.0))
    if chance(rng, scene.style.poles):
        arm = -side * float(rng.uniform(0.6, 2.2))
        for z in np.arange(float(rng.uniform(5.0, 22.0)), 130.0, step):
            if not street.crossed(z):
                scene.add(x, z, paint_lamp, x, z, height, arm)
    if chance(rng, 0.4 * scene.style.poles):
        for z in np.arange(float(rng.uniform(4.0, 9.0)), 45.0, float(rng.uniform(2.0, 4.0))):
            if not street.crossed(z, 2.0):
                scene.add(x, z, paint_pole, x - side * 0.15, z, 0.95)
    elif chance(rng, 0.25):
        start = float(rng.uniform(4.0, 30.0))
        stop = start + float(rng.uniform(8.0, 25.0))
        if not any(street.crossed(z, 2.0) for z in np.arange(start, stop, 3.0)):
            _railing(scene, side, start, stop)


def _signs(scene: Scene, side: int) -> None:
    rng, street = scene.rng, scene.street
    x = side * (street.curb(side) + 0.45)
    for _ in range(rng.poisson(2.2 * scene.style.signs)):
        z = float(rng.uniform(6.0, 55.0))
        if not street.crossed(z):
            scene.add(x, z, paint_sign, x, z)
    if chance(rng, 0.16 * scene.style.signs):
        x, z = side * (street.curb(side) + 1.3), float(rng.uniform(14.0, 50.0))
        scene.add(x, z, paint_board, x, z)


def _clutter(scene: Scene, side: int) -> None:
    rng, street = scene.rng, scene.street
    for _ in range(rng.poisson(1.2 * scene.style.clutter)):
        z = float(rng.uniform(6.0, 40.0))
        x = street.front(side) - float(rng.uniform(0.5, 1.0))
        if not street.crossed(z, 3.0):
            scene.add(side * x, z, paint_bin, side * x, z)
    if chance(rng, 0.1 * scene.style.clutter) and street.pavements[side > 0] > 3.2:
        z = float(rng.uniform(10.0, 40.0))
        if not street.crossed(z, 4.0):
            x = side * (street.front(side) - 1.0)
            scene.add(x, z + 3.2, paint_kiosk, x, z, length=3.2)


def _signals(scene: Scene, near: float, far: float) -> None:
    rng, street = scene.rng, scene.street
    if not chance(rng, 0.75):
        return
    state = int(rng.choice(3, p=(0.45, 0.1, 0.45)))
    reach = 0.0 if chance(rng, 0.5) else 0.55 * street.curb(1)
    for x, arm in ((street.curb(1) + 0.5, -reach), (-street.curb(-1) - 0.5, 0.0)):
        scene.add(x, near - 5.0, paint_signals, x, near - 5.0, arm, state)
    if chance(rng, 0.6):
        for side in (-1, 1):
            x = side * (street.curb(side) + 0.6)
            scene.add(x, far + 4.0, paint_signals, x, far + 4.0, 0.0, state)


_BLOCKS = {'buildings': _houses, 'park': _park, 'wall': _walled, 'fence': _fenced}
