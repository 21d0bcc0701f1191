from __future__ import annotations

import cv2
import numpy as np

from ..errors import JointError
from .camera import Camera
from .canvas import Canvas
from .colors import chance, shade_of
from .finish import finish
from .ground import paint_ground, paint_sky
from .labels import VOID
from .light import draw_light
from .populate import build_sides, furnish
from .scene import Scene
from .street import Street, draw_street
from .styles import STYLES, Style
from .traffic import drive, walk

MIN_SIZE = (64, 48)


def render_street(
    seed: int, index: int, size: tuple[int, int] = (480, 360), style: str = 'rendered'
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one street scene; the same arguments always give the same bytes.

    Args:
        seed: Seed of the dataset.
        index: Index of the image in it.
        size: Width and height in pixels.
        style: ``rendered`` (the synthetic domain) or ``camera`` (the "real" one).

    Returns:
        BGR image (H, W, 3) uint8, and its labels (H, W) uint8: Cityscapes trainIds, 255 ignored.

    Raises:
        JointError: When the style is unknown, the size too small, or a number negative.
    """
    habits = check_street(seed, index, size, style)
    rng = np.random.default_rng(np.random.SeedSequence((seed, index, habits.number)))
    street = draw_street(rng, habits)
    light = draw_light(rng, habits)
    canvas = Canvas(_draw_camera(rng, habits, street, size), light)
    scene = Scene(canvas, street, habits, rng)
    paint_sky(scene)
    paint_ground(scene)
    build_sides(scene)
    furnish(scene)
    drive(scene)
    walk(scene)
    scene.paint()
    if chance(rng, habits.bonnet):
        _paint_bonnet(scene)
    return finish(canvas, habits, rng)


def check_street(seed: int, index: int, size: tuple[int, int], style: str) -> Style:
    """Return the style of that name after checking all arguments of a street."""
    if style not in STYLES:
        raise JointError(f'unknown street style {style!r}: choose one of {", ".join(STYLES)}')
    if min(seed, index) < 0:
        raise JointError(f'seed and index of a street must not be negative: {seed}, {index}')
    if len(size) != 2 or size[0] < MIN_SIZE[0] or size[1] < MIN_SIZE[1]:
        raise JointError(
            f'a street needs at least {MIN_SIZE[0]} x {MIN_SIZE[1]} pixels, not {size}'
        )
    return STYLES[style]


def _draw_camera(
    rng: np.random.Generator, style: Style, street: Street, size: tuple[int, int]
) -> Camera:
    """A camera in a car in one of the right-hand lanes."""
    number = street.lanes - 1 if chance(rng, 0.6) else int(rng.integers(street.lanes))
    return Camera(
        size=(int(size[0]), int(size[1])),
        focal=float(rng.uniform(*style.focal)),
        height=float(rng.uniform(*style.camera_height)),
        lateral=street.lane(number) + float(rng.normal() * 0.2),
        horizon=float(rng.uniform(*style.horizon)),
        yaw=float(rng.normal() * style.yaw),
        roll=float(rng.normal() * style.roll),
        bend=float(rng.normal() * style.bend),
    )


def _paint_bonnet(scene: Scene) -> None:
    """The camera's own car along the lower edge; the benchmark ignores it."""
    rng, cells = scene.rng, scene.canvas.cells
    rows, columns = cells.shape[:2]
    rise = rows * float(rng.uniform(0.03, 0.1))
    x = np.linspace(-1.05, 1.05, 25)
    center = 0.5 + float(rng.normal() * 0.02)
    tone = shade_of(rng, scene.style.paint, 0.1)
    for drop, factor in ((0.0, 0.75), (0.2, 1.0), (0.6, 1.15)):
        top = rows - rise * (1.0 - drop) * (1.0 - 0.75 * np.abs(x) ** 3.5)
        points = np.stack([columns * (center + 0.5 * x), top], axis=1)
        points = np.concatenate([points, [(columns * 1.2, rows + 9), (-columns * 0.2, rows + 9)]])
        color = tuple(min(v * factor, 255.0) for v in tone)
        cv2.fillPoly(cells, [points.astype(np.int32)], (*color, float(VOID)))
