from __future__ import annotations

import numpy as np

from .colors import Color, scale, shade_of
from .labels import VEGETATION
from .scene import Scene
from .shapes import puddle

_ANGLES = np.linspace(0.0, 2.0 * np.pi, 22, endpoint=False)


def paint_tree(scene: Scene, x: float, z: float, height: float, spread: float) -> None:
    """A trunk, some branches and a crown of leafy lumps, dark below and bright towards the sun.

    Args:
        scene: Where to paint.
        x: Position of the trunk.
        z: Position of the trunk.
        height: Height of the whole tree, in meters.
        spread: Radius of the crown, in meters.
    """
    canvas, rng = scene.canvas, scene.rng
    bark, leaf = shade_of(rng, scene.style.bark, 0.15), shade_of(rng, scene.style.leaves, 0.12)
    base = height - 1.7 * spread
    fork = max(base, 0.25 * height)
    thick = 0.035 * height
    trunk = np.array(
        [
            (x - 0.6 * thick, 0.0, z),
            (x + 0.6 * thick, 0.0, z),
            (x + 0.4 * thick, fork + 0.5, z),
            (x - 0.4 * thick, fork + 0.5, z),
        ]
    )
    canvas.fill(trunk, VEGETATION, bark)
    tone = scale(bark, 0.9)
    canvas.strokes(
        [
            (
                (x, fork - 0.2, z),
                (x + lean * spread, fork + 0.8 * spread, z),
                0.4 * thick,
                VEGETATION,
                tone,
            )
            for lean in rng.uniform(-0.6, 0.6, size=3).tolist()
        ]
    )
    _lumps(scene, np.array([x, height - spread, z]), spread, leaf, 0.9)
    cast = canvas.light.cast(np.array([x, height - spread, z]))
    canvas.shadow(puddle(cast[0], cast[2], spread, spread * 1.1))
    foot = canvas.light.cast(trunk)
    canvas.shadow(foot)


def paint_bush(scene: Scene, x: float, z: float, radius: float) -> None:
    """A low lump of leaves."""
    leaf = shade_of(scene.rng, scene.style.leaves, 0.15)
    scene.canvas.shadow(puddle(x, z, 1.1 * radius, 0.6 * radius), 0.4)
    _lumps(scene, np.array([x, 0.55 * radius, z]), radius, scale(leaf, 0.92), 0.7)


def paint_hedge(scene: Scene, x0: float, x1: float, z: float, height: float) -> None:
    """A row of leaves across the view, as a backdrop of parks and of the street's end."""
    rng = scene.rng
    count = max(int(abs(x1 - x0) / 1.2), 6)
    xs = np.linspace(x0, x1, count)
    tops = height * (0.75 + 0.25 * np.sin(xs * 0.35 + rng.uniform(0, 6)) * rng.uniform(0.4, 1.0))
    tops *= rng.uniform(0.82, 1.1, size=count)
    upper = np.stack([xs, tops, np.full(count, z)], axis=1)
    outline = np.concatenate([upper, [(x1, 0.0, z), (x0, 0.0, z)]])
    leaf = shade_of(rng, scene.style.leaves, 0.15)
    scene.canvas.fill(outline, VEGETATION, scale(leaf, 0.75))
    upper[:, 1] *= rng.uniform(0.55, 0.85, size=count)
    scene.canvas.fill(np.concatenate([upper, outline[-2:]]), VEGETATION, scale(leaf, 0.9))


def _lumps(scene: Scene, center: np.ndarray, radius: float, leaf: Color, squash: float) -> None:
    """Overlapping lumps around a center: a dark mass, then brighter ones nearer to the sun."""
    canvas, rng = scene.canvas, scene.rng
    light = canvas.light
    detail = canvas.pixels_per_meter(float(center[2])) * radius
    many = 3 if detail < 12 else (6 if detail < 40 else 11)
    towards = np.array([light.sun[0], 0.9 * light.sun[1], 0.0]) * radius
    levels = np.repeat(_LEVELS, many, axis=0)
    count = len(levels)
    angle = rng.uniform(0.0, 2.0 * np.pi, size=count)
    far = radius * np.sqrt(rng.random(count)) * (1.0 - levels[:, 1])
    middle = np.stack([np.cos(angle) * far, squash * np.sin(angle) * far, np.zeros(count)], axis=1)
    middle += center + levels[:, 2:] * towards
    reach = radius * levels[:, 1:2] * rng.uniform(0.7, 1.15, size=(count, len(_ANGLES)))
    edge = np.stack(
        [reach * np.cos(_ANGLES), squash * reach * np.sin(_ANGLES), np.zeros_like(reach)], axis=2
    )
    shine = levels[:, 0] * (light.ambient + 0.55 * light.direct * levels[:, 0])
    shine *= rng.uniform(0.94, 1.12, size=count)
    colors = [scale(leaf, factor) for factor in shine.tolist()]
    canvas.fill_each(middle[:, None] + edge, VEGETATION, colors)


_LEVELS = np.array([(0.72, 0.62, -0.12), (0.92, 0.46, 0.12), (1.1, 0.3, 0.36)])
"""Brightness, size and shift towards the sun of the lumps, dark mass first."""
