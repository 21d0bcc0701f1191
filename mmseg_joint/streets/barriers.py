from __future__ import annotations

import numpy as np

from .colors import chance, mix, scale, shade_of
from .labels import FENCE, WALL
from .light import UP
from .scene import Scene
from .shapes import along, grid_along, quad


def paint_wall(
    scene: Scene, side: int, distance: float, start: float, stop: float, height: float
) -> None:
    """A free-standing wall along the street with a coping."""
    canvas, rng = scene.canvas, scene.rng
    x, start = side * distance, max(start, -4.0)
    tone = shade_of(rng, scene.style.facades, 0.1)
    tone = mix(tone, shade_of(rng, scene.style.curb), 0.5)
    normal = (-float(side), 0.0, 0.0)
    canvas.fill(along(x, 0.0, height, start, stop), WALL, tone, normal)
    courses = np.arange(0.5, height, 0.5)
    if canvas.pixels_per_meter(max(start, 4.0)) > 20.0:
        bands = np.stack([along(x, y, y + 0.03, start, min(stop, 40.0)) for y in courses])
        canvas.fill(bands, WALL, scale(tone, 0.8), normal)
    inner = x + side * 0.3
    top = quad((x, height, start), (x, height, stop), (inner, height, stop), (inner, height, start))
    canvas.fill(top, WALL, scale(tone, 1.1), UP)
    cap = along(x, height - 0.14, height, start, stop)
    canvas.fill(cap, WALL, scale(tone, 1.12), normal)
    feet = np.array([(x, 0.0, start), (x, 0.0, stop)])
    tops = canvas.light.cast(feet + np.array([0.0, height, 0.0]))
    canvas.shadow(np.concatenate([feet, tops[::-1]]))


def paint_fence(
    scene: Scene, side: int, distance: float, start: float, stop: float, height: float
) -> None:
    """Posts and rails along the street, with boards or with see-through pales."""
    canvas, rng = scene.canvas, scene.rng
    x, start = side * distance, max(start, 0.8)
    tone = shade_of(rng, scene.style.metal, 0.3)
    if chance(rng, 0.35):
        tone = shade_of(rng, scene.style.bark, 0.2)
    normal = (-float(side), 0.0, 0.0)
    near_stop = min(stop, 36.0)
    pale, gap = float(rng.uniform(0.03, 0.08)), float(rng.uniform(0.1, 0.16))
    boards = start if chance(rng, 0.4) else near_stop
    if stop > boards:
        solid = along(x, 0.0, 0.95 * height, boards, stop)
        canvas.fill(solid, FENCE, scale(tone, 1.12), normal)
    places = np.arange(start, near_stop, pale + gap)
    if len(places):
        pales = grid_along(x, np.array([0.1]), places, height - 0.1, pale)
        canvas.fill(pales, FENCE, tone, normal)
    rails = [along(x, y, y + 0.08, start, stop) for y in (0.15, 0.9 * height)]
    canvas.fill(np.stack(rails), FENCE, scale(tone, 0.92), normal)
    posts = np.arange(start, min(stop, 90.0), 2.4)
    if len(posts):
        canvas.fill(
            grid_along(x, np.array([0.0]), posts, height + 0.1, 0.1),
            FENCE,
            scale(tone, 0.8),
            normal,
        )


def paint_railing(scene: Scene, side: int, distance: float, start: float, stop: float) -> None:
    """A guard rail between pavement and road."""
    canvas, rng = scene.canvas, scene.rng
    x, start = side * distance, max(start, 0.8)
    tone = shade_of(rng, scene.style.metal, 0.25)
    rails = [along(x, y, y + 0.06, start, stop) for y in (0.35, 0.65, 0.98)]
    canvas.fill(np.stack(rails), FENCE, tone, (-float(side), 0.0, 0.0))
    posts = np.arange(start, stop, 1.8)
    canvas.fill(grid_along(x, np.array([0.0]), posts, 1.05, 0.09), FENCE, scale(tone, 0.85))
