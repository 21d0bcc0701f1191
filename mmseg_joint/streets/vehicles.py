from __future__ import annotations

import numpy as np

from .colors import Color, chance, hexes, mix, pick, scale, shade_of
from .scene import Scene
from .vehicle_models import MODELS, Face, Model

_BUS_PAINT = hexes('c8b040 d0d0cc b03030 3a5a8c 4a8a5a')
_CARGO = hexes('d4d4d0 b8b8b4 3c5c8c 8c3a32 d0b060 58705c')


def paint_vehicle(scene: Scene, kind: str, x: float, z: float, heading: float) -> None:
    """A vehicle standing on the road.

    Args:
        scene: Where to paint.
        kind: A key of ``MODELS``.
        x: Position of its middle.
        z: Position of its middle.
        heading: Radians clockwise from the street's direction: 0 shows its rear.
    """
    model = MODELS[kind]
    place = _Placed(scene, model, x, z, heading)
    place.shadow()
    colors = _colors(scene, kind)
    eye = place.local(scene.canvas.camera.position)
    detailed = scene.canvas.pixels_per_meter(z) > 7.0
    for part in sorted(model.parts, key=lambda part: -part.gap(eye)):
        normals = (part.normals @ place.axes).tolist()
        for number in part.seen(eye):
            place.paint(part.faces[number], tuple(normals[number]), colors, detailed)


class _Placed:
    """A model at its position: turns local points into world points."""

    def __init__(self, scene: Scene, model: Model, x: float, z: float, heading: float) -> None:
        self.scene, self.model = scene, model
        self.at = np.array([x, 0.0, z])
        c, s = float(np.cos(heading)), float(np.sin(heading))
        # columns of (right, up, forward) in the world
        self.axes = np.array([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]])

    def local(self, point: np.ndarray) -> np.ndarray:
        return self.axes @ (point - self.at)

    def world(self, points: np.ndarray) -> np.ndarray:
        return points @ self.axes + self.at

    def paint(
        self,
        face: Face,
        normal: tuple[float, float, float],
        colors: dict[str, Color],
        detailed: bool,
    ) -> None:
        canvas, label = self.scene.canvas, self.model.label
        canvas.fill(self.world(face.points), label, colors[face.material], normal)
        for points, material in face.details:
            if detailed or material == 'glass':
                aim = None if material in _SELF_LIT else normal
                canvas.fill(self.world(points), label, colors[material], aim)

    def shadow(self) -> None:
        """Dark under the body in any weather, longer in sunshine."""
        canvas = self.scene.canvas
        half, long = 0.5 * self.model.width, 0.5 * self.model.length
        foot = np.array(
            [(-half, 0.0, -long), (half, 0.0, -long), (half, 0.0, long), (-half, 0.0, long)]
        )
        top = self.world(foot + np.array([0.0, 1.3, 0.0]))
        fallen, ground = canvas.light.cast(top), self.world(foot)
        sides = [np.stack([ground[i], ground[i - 1], fallen[i - 1], fallen[i]]) for i in range(4)]
        canvas.shadow(np.stack([*sides, fallen]))
        canvas.shadow(self.world(foot * 1.06), 0.66)


_SELF_LIT = ('glass', 'lamp', 'tail', 'sign', 'plate', 'tire')


def _colors(scene: Scene, kind: str) -> dict[str, Color]:
    rng, light = scene.rng, scene.canvas.light
    body = shade_of(rng, scene.style.paint, 0.12)
    if kind in ('bus', 'tram'):
        body = shade_of(rng, _BUS_PAINT, 0.1)
    dark = hexes('1c2024')[0]
    glass = mix(dark, light.low, 0.12 + 0.22 * float(rng.random()))
    braking = chance(rng, 0.3)
    return {
        'body': body,
        'sill': mix(body, dark, 0.55),
        'seam': scale(body, 0.72),
        'cargo': shade_of(rng, _CARGO, 0.08),
        'glass': glass,
        'trim': hexes('26282a')[0],
        'tire': hexes('18181a')[0],
        'hub': pick(rng, hexes('9a9c9e 7c7e80 5a5c5e')),
        'lamp': hexes('f4f4ec')[0] if chance(rng, 0.4) else hexes('c4ccd0')[0],
        'tail': hexes('f03024')[0] if braking else hexes('8c1a18')[0],
        'plate': hexes('dcdcd0')[0],
        'sign': scale(hexes('f0a020')[0], 0.9),
    }
