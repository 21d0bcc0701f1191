from __future__ import annotations

import numpy as np

from .colors import Color, chance, hexes, pick, scale, shade_of
from .labels import BUILDING, POLE, TRAFFIC_LIGHT, TRAFFIC_SIGN, VOID
from .light import TOWARDS
from .scene import Scene
from .shapes import across, ellipse

_RED, _BLUE, _WHITE, _YELLOW, _GREEN = hexes('c02028 2050b0 ececec f0c020 1c7a4c')
_LAMPS = hexes('ff3020 ffb020 30ff80')
_BINS = hexes('3a4a3c 2c3c5c 5a5c60 8a4a2a 30302e')


def paint_lamp(scene: Scene, x: float, z: float, height: float, arm: float) -> None:
    """A street lamp: a pole and an arm over the road (``arm`` meters, signed)."""
    tone = shade_of(scene.rng, scene.style.metal, 0.2)
    _post(scene, x, z, height, 0.14, tone)
    canvas = scene.canvas
    canvas.strokes([((x, height, z), (x + arm, height + 0.3, z), 0.09, POLE, tone)])
    head = across(x + arm - 0.35, x + arm + 0.35, height + 0.2, height + 0.36, z)
    canvas.fill(head, POLE, scale(tone, 1.3), TOWARDS)


def paint_pole(scene: Scene, x: float, z: float, height: float) -> None:
    """A plain pole, for wires or flags, or a bollard when it is low."""
    _post(scene, x, z, height, 0.13, shade_of(scene.rng, scene.style.metal, 0.25))


def paint_sign(scene: Scene, x: float, z: float) -> None:
    """A traffic sign, or two, on a pole."""
    rng = scene.rng
    height = float(rng.uniform(2.3, 2.9))
    _post(scene, x, z, height + 0.4, 0.08, shade_of(rng, scene.style.metal, 0.15))
    for _ in range(1 + chance(rng, 0.35)):
        pick(rng, _PLATES)(scene, x, height, z - 0.06)
        height -= 0.72


def paint_signals(scene: Scene, x: float, z: float, arm: float, state: int) -> None:
    """Traffic lights on a pole, and over the road when there is an arm.

    Args:
        scene: Where to paint.
        x: Position of the pole.
        z: Position of the pole.
        arm: Meters that the arm reaches over the road, signed; 0 for none.
        state: The lamp that is on: 0 red, 1 amber, 2 green.
    """
    canvas, tone = scene.canvas, shade_of(scene.rng, scene.style.metal, 0.15)
    if arm:
        _post(scene, x, z, 5.9, 0.17, tone)
        canvas.strokes([((x, 5.7, z), (x + arm, 5.8, z), 0.12, POLE, tone)])
        _signal(scene, x + arm, 5.1, z - 0.1, state)
    else:
        _post(scene, x, z, 3.3, 0.13, tone)
    _signal(scene, x, 2.4, z - 0.1, state)


def paint_board(scene: Scene, x: float, z: float) -> None:
    """A blue or green direction board on two legs."""
    rng, canvas = scene.rng, scene.canvas
    tone = shade_of(rng, scene.style.metal, 0.15)
    for leg in (x - 0.7, x + 0.7):
        _post(scene, leg, z, 3.6, 0.1, tone)
    plate = pick(rng, (_BLUE, _GREEN, _YELLOW))
    canvas.fill(across(x - 1.1, x + 1.1, 2.4, 3.7, z - 0.06), TRAFFIC_SIGN, _WHITE, TOWARDS)
    canvas.fill(across(x - 1.04, x + 1.04, 2.46, 3.64, z - 0.07), TRAFFIC_SIGN, plate, TOWARDS)
    lines = [across(x - 0.8, x + w, y, y + 0.14, z - 0.08) for y, w in ((3.2, 0.5), (2.8, 0.2))]
    canvas.fill(np.stack(lines), TRAFFIC_SIGN, _WHITE, TOWARDS)


def paint_bin(scene: Scene, x: float, z: float) -> None:
    """Clutter on the pavement: a bin or a switch box. The benchmark ignores it."""
    rng, canvas = scene.rng, scene.canvas
    wide, tall = float(rng.uniform(0.25, 0.6)), float(rng.uniform(0.8, 1.4))
    tone = shade_of(rng, _BINS, 0.2)
    canvas.shadow(
        across(x - wide, x + wide, 0.0, 0.0, z)
        + np.array([(0, 0, 0), (0, 0, 0), (0.1, 0, 0.6), (0.1, 0, 0.6)]),
        0.5,
    )
    inner = -1.0 if x > 0 else 1.0
    side = np.array(
        [
            (x + inner * wide, 0.0, z),
            (x + inner * wide, 0.0, z + 0.6),
            (x + inner * wide, tall, z + 0.6),
            (x + inner * wide, tall, z),
        ]
    )
    canvas.fill(side, VOID, tone, (inner, 0.0, 0.0))
    canvas.fill(across(x - wide, x + wide, 0.0, tall, z), VOID, tone, TOWARDS)
    canvas.fill(across(x - wide, x + wide, tall - 0.12, tall, z), VOID, scale(tone, 0.7), TOWARDS)


def paint_kiosk(scene: Scene, x: float, z: float) -> None:
    """A shelter: glass, a roof, and an advertisement."""
    rng, canvas = scene.rng, scene.canvas
    tone = shade_of(rng, scene.style.metal, 0.2)
    for part in (0.0, 3.2):
        _post(scene, x, z + part, 2.4, 0.1, tone)
    back = np.array([(x, 0.4, z), (x, 0.4, z + 3.2), (x, 2.1, z + 3.2), (x, 2.1, z)])
    canvas.fill(back, BUILDING, shade_of(rng, scene.style.glass), None)
    poster = across(x - 0.6, x + 0.6, 0.5, 2.1, z)
    canvas.fill(poster, BUILDING, shade_of(rng, scene.style.paint, 0.2), TOWARDS)
    canvas.fill(across(x - 0.8, x + 0.8, 2.3, 2.5, z), BUILDING, tone, TOWARDS)


def _post(scene: Scene, x: float, z: float, height: float, width: float, tone: Color) -> None:
    """An upright with a darker side, and its shadow."""
    canvas, half = scene.canvas, 0.5 * width
    body = across(x - half, x + half, 0.0, height, z)
    canvas.fill(body, POLE, tone, TOWARDS)
    if canvas.pixels_per_meter(z) * width > 1.5:
        dark = across(x, x + half, 0.0, height, z - 0.01)
        canvas.fill(dark, POLE, scale(tone, 0.72), TOWARDS)
    canvas.shadow(canvas.light.cast(body))


def _signal(scene: Scene, x: float, y: float, z: float, state: int) -> None:
    """The box with three lamps."""
    canvas = scene.canvas
    canvas.fill(across(x - 0.17, x + 0.17, y, y + 1.0, z), TRAFFIC_LIGHT, (34.0, 36.0, 34.0))
    for lamp in range(3):
        tone = _LAMPS[lamp] if lamp == state else scale(_LAMPS[lamp], 0.22)
        center = y + 0.82 - 0.32 * lamp
        canvas.fill(ellipse(x, center, z - 0.01, 0.12, 0.12), TRAFFIC_LIGHT, tone)


def _round_plate(scene: Scene, x: float, y: float, z: float) -> None:
    ban = chance(scene.rng, 0.55)
    canvas = scene.canvas
    canvas.fill(ellipse(x, y, z, 0.33, 0.33), TRAFFIC_SIGN, _RED if ban else _WHITE, TOWARDS)
    inner = _WHITE if ban else _BLUE
    canvas.fill(ellipse(x, y, z - 0.01, 0.25, 0.25), TRAFFIC_SIGN, inner, TOWARDS)
    bar = across(x - 0.05, x + 0.05, y - 0.15, y + 0.15, z - 0.02)
    canvas.fill(bar, TRAFFIC_SIGN, (40.0, 40.0, 40.0) if ban else _WHITE, TOWARDS)


def _triangle_plate(scene: Scene, x: float, y: float, z: float) -> None:
    turn = -1.0 if chance(scene.rng, 0.3) else 1.0
    corners = np.array([(-0.42, -0.3, 0.0), (0.42, -0.3, 0.0), (0.0, 0.42, 0.0)])
    corners[:, 1] *= turn
    for size, tone in ((1.0, _RED), (0.66, _WHITE)):
        canvas = scene.canvas
        canvas.fill(np.array([x, y, z - size * 0.01]) + size * corners, TRAFFIC_SIGN, tone, TOWARDS)


def _square_plate(scene: Scene, x: float, y: float, z: float) -> None:
    canvas, tone = scene.canvas, pick(scene.rng, (_BLUE, _BLUE, _YELLOW, _WHITE))
    canvas.fill(across(x - 0.3, x + 0.3, y - 0.3, y + 0.3, z), TRAFFIC_SIGN, _WHITE, TOWARDS)
    canvas.fill(
        across(x - 0.26, x + 0.26, y - 0.26, y + 0.26, z - 0.01), TRAFFIC_SIGN, tone, TOWARDS
    )
    mark = across(x - 0.1, x + 0.1, y - 0.18, y + 0.16, z - 0.02)
    canvas.fill(mark, TRAFFIC_SIGN, scale(_WHITE, 0.95), TOWARDS)


_PLATES = (_round_plate, _round_plate, _triangle_plate, _square_plate)
