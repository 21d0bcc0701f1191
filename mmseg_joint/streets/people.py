from __future__ import annotations

import numpy as np

from .canvas import Stroke
from .colors import Color, chance, hexes, scale, shade_of
from .labels import BICYCLE, MOTORCYCLE, PERSON, RIDER
from .scene import Scene
from .shapes import puddle

_HAIR = hexes('2a2018 4a3420 18181a 8a6a40 6a6664')
_SHOE = hexes('1e1c1c 3a3430 60605c')
_DARK, _WHITE, _RED = hexes('1e1e20 f4f0e0 c02020')
_TURN = np.linspace(0.0, 2.0 * np.pi, 18, endpoint=False)

Point = tuple[float, float, float]
"""Meters forward, to the right and up, from the ground under a person."""


class Figure:
    """Collects the strokes of a body, far side first, in its own coordinates.

    Args:
        scene: Where to paint.
        x: Place on the ground.
        z: Place on the ground.
        heading: Radians clockwise from the street's direction.
        size: 1 for an adult.
    """

    def __init__(self, scene: Scene, x: float, z: float, heading: float, size: float = 1.0) -> None:
        c, s = float(np.cos(heading)), float(np.sin(heading))
        self.scene, self.size, self.x, self.z = scene, size, x, z
        self.axes = size * np.array([[s, 0.0, c], [c, 0.0, -s], [0.0, 1.0, 0.0]])
        self.facing = c < 0.3
        self._strokes: list[tuple[Point, Point, float, int, Color]] = []

    def stroke(self, start: Point, end: Point, width: float, label: int, color: Color) -> None:
        """A limb between two points."""
        self._strokes.append((start, end, width * self.size, label, color))

    def ball(self, center: Point, radius: float, label: int, color: Color) -> None:
        """A head, a hand, a lamp."""
        self.stroke(center, center, 2.0 * radius, label, color)

    def paint(self) -> None:
        """Paint all strokes on the canvas in order."""
        local = np.array([stroke[:2] for stroke in self._strokes])
        world = local @ self.axes + np.array([self.x, 0.0, self.z])
        strokes: list[Stroke] = [
            (ends[0], ends[1], *stroke[2:]) for ends, stroke in zip(world.tolist(), self._strokes)
        ]
        self.scene.canvas.strokes(strokes)

    def shadow(self, height: float) -> None:
        """Dark ground at the feet, and a long shadow when the sun shines."""
        canvas, x, z = self.scene.canvas, self.x, self.z
        canvas.shadow(puddle(x, z, 0.3, 0.25), 0.42)
        upright = np.array(
            [(x - 0.2, 0, z), (x + 0.2, 0, z), (x + 0.2, height, z), (x - 0.2, height, z)]
        )
        canvas.shadow(canvas.light.cast(upright))


def paint_person(scene: Scene, x: float, z: float, heading: float) -> None:
    """A person who walks or stands, with clothes, hair and sometimes a bag."""
    rng = scene.rng
    size = float(rng.uniform(0.9, 1.08)) * (0.68 if chance(rng, 0.08) else 1.0)
    body = Figure(scene, x, z, heading, size)
    body.shadow(1.7 * size)
    stride = float(rng.uniform(0.02, 0.34)) * (1 if chance(rng, 0.5) else -1)
    trousers, shoe = shade_of(rng, scene.style.cloth, 0.2), shade_of(rng, _SHOE)
    coat, skin = shade_of(rng, scene.style.cloth, 0.2), shade_of(rng, scene.style.skin)
    for side in (-1, 1):
        swing = side * stride
        knee, foot = (0.5 * swing + 0.04, 0.1 * side, 0.5), (swing, 0.1 * side, 0.08)
        tone = scale(trousers, 0.85 if side < 0 else 1.0)
        body.stroke((0.0, 0.09 * side, 0.9), knee, 0.17, PERSON, tone)
        body.stroke(knee, foot, 0.13, PERSON, tone)
        body.stroke(foot, (swing + 0.14, 0.1 * side, 0.05), 0.09, PERSON, shoe)
    if chance(rng, 0.22):
        body.stroke((0.0, 0.0, 1.0), (0.0, 0.0, 0.62), 0.4, PERSON, coat)
    arms = [((side * -0.5 * stride, 0.24, 0.86), side) for side in (-1, 1)]
    _arm(body, *arms[0], (0.0, 1.4), coat, skin, PERSON)
    _trunk(body, (0.0, 0.95), (0.02, 1.38), coat, PERSON)
    if chance(rng, 0.3):
        bag = shade_of(rng, scene.style.cloth, 0.3)
        body.stroke((-0.18, 0.0, 1.32), (-0.2, 0.0, 1.08), 0.3, PERSON, bag)
    _arm(body, *arms[1], (0.0, 1.4), coat, skin, PERSON)
    _head(body, (0.03, 1.63), skin, shade_of(rng, _HAIR), PERSON)
    body.paint()


def paint_cyclist(scene: Scene, x: float, z: float, heading: float) -> None:
    """A bicycle (label bicycle) with a rider on it (label rider)."""
    body = Figure(scene, x, z, heading)
    body.shadow(1.7)
    _bicycle(body)
    pose = ((-0.15, 0.98), (0.2, 1.46), (0.5, 1.06), (0.3, 1.7))
    _rider(body, *pose, pedal=float(scene.rng.uniform(-0.16, 0.16)), helmet=0.4)
    body.paint()


def paint_bicycle(scene: Scene, x: float, z: float, heading: float) -> None:
    """A parked bicycle."""
    body = Figure(scene, x, z, heading)
    _bicycle(body)
    body.paint()


def paint_motorcyclist(
    scene: Scene, x: float, z: float, heading: float, ridden: bool = True
) -> None:
    """A motorcycle (label motorcycle), with a rider on it (label rider) or parked."""
    rng, body = scene.rng, Figure(scene, x, z, heading)
    body.shadow(1.5)
    paint = shade_of(rng, scene.style.paint, 0.15)
    for hub in (-0.68, 0.7):
        _wheel(body, hub, 0.3, 0.15, MOTORCYCLE)
    body.stroke((-0.3, 0.0, 0.45), (0.3, 0.0, 0.45), 0.36, MOTORCYCLE, scale(_DARK, 1.3))
    body.stroke((0.7, 0.0, 0.3), (0.45, 0.0, 0.98), 0.1, MOTORCYCLE, _DARK)
    body.stroke((-0.85, 0.0, 0.78), (-0.1, 0.0, 0.76), 0.24, MOTORCYCLE, _DARK)
    body.stroke((0.05, 0.0, 0.8), (0.42, 0.0, 0.86), 0.34, MOTORCYCLE, paint)
    body.stroke((0.5, 0.0, 0.6), (0.55, 0.0, 0.85), 0.3, MOTORCYCLE, paint)
    body.stroke((0.42, -0.36, 1.02), (0.42, 0.36, 1.02), 0.07, MOTORCYCLE, _DARK)
    lamp = ((0.66, 0.0, 0.88), _WHITE) if body.facing else ((-0.95, 0.0, 0.74), _RED)
    body.ball(lamp[0], 0.09, MOTORCYCLE, lamp[1])
    if ridden:
        pose = ((-0.25, 0.86), (0.05, 1.36), (0.42, 1.02), (0.12, 1.62))
        _rider(body, *pose, pedal=0.0, helmet=1.0)
    body.paint()


def _bicycle(body: Figure) -> None:
    """Two wheels, a frame, handlebars and a saddle."""
    tone = shade_of(body.scene.rng, body.scene.style.paint, 0.2)
    for hub in (-0.52, 0.52):
        _wheel(body, hub, 0.34, 0.05, BICYCLE)
    rear, front, crank = (-0.52, 0.0, 0.34), (0.52, 0.0, 0.34), (-0.06, 0.0, 0.3)
    seat, head = (-0.2, 0.0, 0.86), (0.34, 0.0, 0.86)
    for start, end in (
        (rear, crank),
        (crank, head),
        (head, seat),
        (seat, crank),
        (seat, rear),
        (head, front),
    ):
        body.stroke(start, end, 0.05, BICYCLE, tone)
    body.stroke((-0.32, 0.0, 0.96), (-0.1, 0.0, 0.96), 0.1, BICYCLE, _DARK)
    body.stroke((0.4, -0.28, 1.04), (0.4, 0.28, 1.04), 0.05, BICYCLE, _DARK)


def _wheel(body: Figure, hub: float, radius: float, thick: float, label: int) -> None:
    """A rim and tire, as a see-through ring of strokes."""
    rim = [
        (hub + radius * c, 0.0, radius + radius * s)
        for c, s in zip(np.cos(_TURN).tolist(), np.sin(_TURN).tolist())
    ]
    for i in range(len(rim)):
        body.stroke(rim[i - 1], rim[i], thick, label, _DARK)


def _rider(
    body: Figure,
    hip: tuple[float, float],
    shoulder: tuple[float, float],
    hand: tuple[float, float],
    head: tuple[float, float],
    pedal: float,
    helmet: float,
) -> None:
    """A rider in a saddle; the pose is given as (forward, up)."""
    rng, style = body.scene.rng, body.scene.style
    coat, trousers = (shade_of(rng, style.cloth, 0.2) for _ in range(2))
    skin = shade_of(rng, style.skin)
    for side in (-1, 1):
        down = 0.2 + side * pedal
        knee = (hip[0] + 0.36, 0.13 * side, 0.52 * (hip[1] + down) + 0.08)
        body.stroke((hip[0], 0.09 * side, hip[1]), knee, 0.17, RIDER, trousers)
        foot = (hip[0] + 0.2, 0.13 * side, down)
        body.stroke(knee, foot, 0.12, RIDER, scale(trousers, 0.9))
        body.stroke(foot, (foot[0] + 0.14, foot[1], down), 0.09, RIDER, _DARK)
    _trunk(body, hip, shoulder, coat, RIDER)
    for side in (-1, 1):
        _arm(body, (hand[0], 0.26, hand[1]), side, shoulder, coat, skin, RIDER)
    hat = shade_of(rng, style.paint if chance(rng, helmet) else _HAIR)
    _head(body, head, skin, hat, RIDER)


def _trunk(
    body: Figure,
    hip: tuple[float, float],
    shoulder: tuple[float, float],
    coat: Color,
    label: int,
) -> None:
    """Chest and belly: a broad stroke, and one on either side of it."""
    for side in (-1, 1, 0):
        tone = scale(coat, 0.92) if side else coat
        low, high = (hip[0], side * 0.07, hip[1]), (shoulder[0], side * 0.12, shoulder[1])
        body.stroke(low, high, 0.2, label, tone)


def _arm(
    body: Figure,
    hand: Point,
    side: int,
    shoulder: tuple[float, float],
    coat: Color,
    skin: Color,
    label: int,
) -> None:
    top = (shoulder[0], side * 0.2, shoulder[1])
    elbow = (0.5 * (shoulder[0] + hand[0]) - 0.05, side * 0.27, 0.5 * (shoulder[1] + hand[2]))
    end = (hand[0], side * hand[1], hand[2])
    sleeve = scale(coat, 0.82)
    body.stroke(top, elbow, 0.11, label, sleeve)
    body.stroke(elbow, end, 0.09, label, sleeve)
    body.ball(end, 0.05, label, skin)


def _head(body: Figure, at: tuple[float, float], skin: Color, hair: Color, label: int) -> None:
    """Neck, hair, and a face if it looks at the camera."""
    forward, up = at
    body.stroke((forward - 0.02, 0.0, up - 0.2), (forward, 0.0, up), 0.1, label, skin)
    body.ball((forward - 0.02, 0.0, up + 0.025), 0.115, label, hair)
    if body.facing:
        body.ball((forward + 0.03, 0.0, up - 0.03), 0.09, label, skin)
