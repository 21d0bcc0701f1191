from __future__ import annotations

import numpy as np

from .camera import FAR
from .colors import Color, chance, mix, scale, shade_of
from .labels import ROAD, SIDEWALK, SKY, TERRAIN
from .light import UP
from .scene import Scene
from .shapes import flat, puddle, strip
from .street import END

MARK = (206.0, 212.0, 214.0)
_START = -2.0


def paint_sky(scene: Scene) -> None:
    """Fill the canvas with a sky that gets paler towards the horizon."""
    canvas, light = scene.canvas, scene.canvas.light
    rows = canvas.cells.shape[0]
    height = np.clip(1.0 - np.arange(rows) / (0.55 * rows), 0.0, 1.0)[:, None] ** 0.8
    tone = np.array(light.low) * (1 - height) + np.array(light.zenith) * height
    column = np.full((rows, 4), SKY, dtype=np.uint8)
    column[:, :3] = tone.clip(0, 255)
    canvas.cells.view(np.uint32)[..., 0] = column.view(np.uint32)


def paint_ground(scene: Scene) -> None:
    """Road, pavements, verges, cross streets and everything painted on them."""
    rng, style = scene.rng, scene.style
    asphalt = shade_of(rng, style.asphalt)
    paving = shade_of(rng, style.paving)
    grass = shade_of(rng, style.grass)
    _wide(scene, paving, grass)
    _pavements(scene, paving, grass)
    _carriageway(scene, asphalt)
    for near, far in scene.street.crossings:
        _cross_street(scene, near, far, asphalt)
    _wear(scene, asphalt)
    _lane_marks(scene, asphalt)
    if scene.street.tramway:
        _rails(scene)
    _fade(scene)


def _lay(scene: Scene, polygons: np.ndarray | list, label: int, color: Color) -> None:
    """Paint on the ground; air is added later, row by row (see ``_fade``)."""
    light = scene.canvas.light
    scene.canvas.fill(polygons, label, light.on(color, UP), air=False)


def _fade(scene: Scene) -> None:
    """Fade the ground into the air with distance, all of it at once."""
    canvas = scene.canvas
    camera, light = canvas.camera, canvas.light
    rows = canvas.cells.shape[0]
    down = (np.arange(rows) + 0.5) / rows * camera.size[1] - camera.center[1]
    slope = down / camera.focal * camera.rotation[1, 1] + camera.rotation[2, 1]
    depth = camera.position[1] / np.maximum(slope, 1e-4)
    top = int(np.searchsorted(slope, camera.position[1] / FAR))
    bottom = int(np.searchsorted(slope, camera.position[1] / 12.0))
    top = max(top - 12, 0)
    if bottom <= top:
        return
    keep = np.exp(-np.minimum(depth[top:bottom], FAR) / light.reach)[:, None, None]
    air = np.array([*light.haze, 0.0])
    keep = (keep * [1.0, 1.0, 1.0, 0.0] + [0.0, 0.0, 0.0, 1.0]).astype(np.float32)
    part = canvas.cells[top:bottom]
    part[:] = part * keep + (air * (1.0 - keep)).astype(np.float32)


def _wide(scene: Scene, paving: Color, grass: Color) -> None:
    """The land behind the building lines: paved, green where a block is open."""
    _lay(scene, flat(-FAR, FAR, _START, FAR), SIDEWALK, scale(paving, 0.95))
    for block in scene.street.blocks:
        if block.kind == 'buildings':
            continue
        front = scene.street.front(block.side)
        start, stop = max(block.start, _START), block.stop
        if stop > start:
            land = strip(block.side * front, block.side * (front + 70.0), start, stop)
            _lay(scene, land, TERRAIN, grass)


def _pavements(scene: Scene, paving: Color, grass: Color) -> None:
    street, rng = scene.street, scene.rng
    stone = shade_of(rng, scene.style.curb)
    for side in (-1, 1):
        curb, front, verge = street.curb(side), street.front(side), street.verge(side)
        _lay(scene, strip(side * curb, side * front, _START, END), SIDEWALK, paving)
        if verge:
            green = strip(side * (curb + 0.2), side * (curb + verge), _START, END)
            _lay(scene, green, TERRAIN, grass)
        _lay(scene, strip(side * curb, side * (curb + 0.2), _START, END), SIDEWALK, stone)


def _carriageway(scene: Scene, asphalt: Color) -> None:
    street = scene.street
    left, right = street.curb(-1), street.curb(1)
    _lay(scene, strip(-left, right, _START, FAR), ROAD, asphalt)
    driven = street.lanes * street.lane_width
    tone = scale(asphalt, float(scene.rng.uniform(0.86, 1.1)))
    for side in (-1, 1):
        if street.parking[side > 0]:
            bay = strip(side * driven, side * street.curb(side), _START, END)
            _lay(scene, bay, ROAD, tone)
        edge = street.curb(side)
        gutter = strip(side * (edge - 0.3), side * edge, _START, END)
        _lay(scene, gutter, ROAD, scale(asphalt, 0.82))


def _cross_street(scene: Scene, near: float, far: float, asphalt: Color) -> None:
    """A street across, with stop line and zebra before it and behind it."""
    street, rng = scene.street, scene.rng
    stone = shade_of(rng, scene.style.curb)
    _lay(scene, flat(-90.0, 90.0, near - 0.2, far + 0.2), SIDEWALK, stone)
    _lay(scene, flat(-90.0, 90.0, near, far), ROAD, asphalt)
    left, right = street.curb(-1), street.curb(1)
    _lay(scene, strip(-left, right, near - 0.6, far + 0.6), ROAD, asphalt)
    stripes = np.arange(-left + 0.5, right - 0.5, 1.0)
    for z in (near - 4.2, far + 1.2):
        if chance(rng, 0.75):
            zebra = np.stack([flat(x, x + 0.5, z, z + 3.0) for x in stripes])
            _lay(scene, zebra, ROAD, _faded(scene, asphalt))
    stop = flat(0.1, street.lanes * street.lane_width, near - 5.8, near - 5.3)
    _lay(scene, stop, ROAD, _faded(scene, asphalt))


def _faded(scene: Scene, asphalt: Color) -> Color:
    """Road paint, more or less worn."""
    return mix(MARK, asphalt, float(scene.rng.uniform(0.05, 0.4)))


def _wear(scene: Scene, asphalt: Color) -> None:
    """Tire tracks, repaired patches, joints and manholes."""
    street, rng = scene.street, scene.rng
    for number in range(-street.lanes, street.lanes):
        tone = scale(asphalt, float(rng.uniform(0.9, 1.06)))
        for offset in (-0.8, 0.8):
            x = street.lane(number) + offset
            _lay(scene, strip(x - 0.32, x + 0.32, _START, END), ROAD, tone)
    half = street.lanes * street.lane_width
    for _ in range(rng.poisson(3.0 * scene.style.clutter)):
        x, z = rng.uniform(-half, half - 1.0), rng.uniform(2.0, 40.0)
        patch = flat(x, x + rng.uniform(0.5, 2.5), z, z + rng.uniform(1.0, 7.0))
        _lay(scene, patch, ROAD, scale(asphalt, float(rng.uniform(0.8, 1.12))))
    for _ in range(rng.poisson(2.0 * scene.style.clutter)):
        x, z = rng.uniform(-half, half), rng.uniform(3.0, 30.0)
        _lay(scene, puddle(x, z, 0.36, 0.36), ROAD, scale(asphalt, 0.6))
        _lay(scene, puddle(x, z, 0.29, 0.29), ROAD, scale(asphalt, 0.78))
    if chance(rng, 0.4 * scene.style.clutter):
        x = rng.uniform(-half, half)
        _lay(scene, strip(x, x + 0.07, _START, 60.0), ROAD, scale(asphalt, 0.6))


def _lane_marks(scene: Scene, asphalt: Color) -> None:
    """A middle line, dashes between lanes, and lines along the parking bays."""
    street, rng = scene.street, scene.rng
    tone, dash = _faded(scene, asphalt), float(rng.uniform(2.5, 4.0))
    starts = np.arange(float(rng.uniform(-4.0, 1.0)), 110.0, 3.0 * dash)
    places = [z for z in starts if not street.crossed(z + dash / 2, 7.0)]
    if street.lanes > 1 and chance(rng, 0.7):
        for x in (-0.2, 0.08):
            _lines(scene, x, 0.12, tone)
    elif not street.tramway and places:
        _lay(scene, np.stack([flat(-0.06, 0.06, z, z + dash) for z in places]), ROAD, tone)
    for number in range(1, street.lanes):
        for x in (-street.lane_width * number, street.lane_width * number):
            if places:
                marks = np.stack([flat(x - 0.07, x + 0.07, z, z + dash) for z in places])
                _lay(scene, marks, ROAD, tone)
    for side in (-1, 1):
        if chance(rng, 0.6):
            x = side * street.lanes * street.lane_width
            _lines(scene, x - 0.06, 0.12, tone)


def _lines(scene: Scene, x: float, width: float, tone: Color) -> None:
    """A line along the street that stops at cross streets."""
    start = _START
    for near, far in [*scene.street.crossings, (END, END)]:
        stop = near - 5.5 if near < END else 140.0
        if stop > start + 1.0:
            _lay(scene, strip(x, x + width, start, stop), ROAD, tone)
        start = far + 4.5


def _rails(scene: Scene) -> None:
    """Two tracks, set in a slightly different pavement."""
    street, rng = scene.street, scene.rng
    bed = scale(shade_of(rng, scene.style.paving), 0.85)
    for number in (-1, 0):
        middle = street.lane(number)
        if chance(rng, 0.5):
            _lay(scene, strip(middle - 1.15, middle + 1.15, _START, END), ROAD, bed)
        for x in (middle - 0.72, middle + 0.72):
            _lay(scene, strip(x - 0.09, x + 0.09, _START, END), ROAD, (70.0, 68.0, 66.0))
            _lay(scene, strip(x - 0.03, x + 0.03, _START, END), ROAD, (170.0, 170.0, 168.0))
