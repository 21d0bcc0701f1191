from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from .camera import NEAR, Camera, clip_near
from .colors import Color
from .light import Light

OVERSAMPLING = 2
_SHIFT = 3
_LIMIT = 1e6

Stroke = tuple[Sequence[float], Sequence[float], float, int, Color]
"""Two world points, a width in meters, a label and a color."""


class Canvas:
    """Paints world polygons on an image and its label at once.

    The canvas has four channels: blue, green, red and the label. One OpenCV call fills all four, so
    that label and image cannot disagree. It is twice the image's size: at the end, the colors of
    2 × 2 cells are averaged, and one of the labels is kept.

    Shadows have their own map, which darkens only the ground (see ``finish``).

    Args:
        camera: Where the image is taken from.
        light: Sun and air.
    """

    def __init__(self, camera: Camera, light: Light) -> None:
        width, height = camera.size
        self.camera = camera
        self.light = light
        self.cells = np.empty((height * OVERSAMPLING, width * OVERSAMPLING, 4), dtype=np.uint8)
        self.shade = np.zeros((height, width), dtype=np.uint8)

    def fill(
        self,
        polygons: np.ndarray | list,
        label: int,
        color: Color,
        normal: tuple[float, float, float] | None = None,
        air: bool = True,
    ) -> None:
        """Fill one polygon (K, 3) or several that do not overlap (N, K, 3), in meters.

        Args:
            polygons: World points.
            label: trainId.
            color: Its own color, before light and air.
            normal: Direction that the surface faces; None keeps the color as it is.
            air: Whether the air in between pales the color.
        """
        points = np.asarray(polygons, dtype=float)
        if points.ndim == 2:
            points = points[None]
        if not len(points):
            return
        view = self.camera.view(points)
        outlines = self._outlines(view, OVERSAMPLING)
        if outlines:
            depth = 0.5 * float(view[0, 0, 2] + view[-1, -2, 2]) if air else 0.0
            tone = self._tone(color, normal, label, depth)
            cv2.fillPoly(self.cells, outlines, tone, shift=_SHIFT)

    def fill_each(self, polygons: np.ndarray, label: int, colors: list[Color]) -> None:
        """Fill polygons (N, K, 3) one after the other, each with a color of its own."""
        view = self.camera.view(polygons)
        if view[..., 2].min() < NEAR:
            return
        for outline, depth, color in zip(
            self._fixed(view, OVERSAMPLING), view[:, 0, 2].tolist(), colors
        ):
            tone = self._tone(color, None, label, depth)
            cv2.fillPoly(self.cells, [outline], tone, shift=_SHIFT)

    def strokes(self, strokes: list[Stroke]) -> None:
        """Rounded strokes, one over the other; a stroke without length is a ball."""
        view = self.camera.view(np.array([stroke[:2] for stroke in strokes], dtype=float))
        if view[..., 2].min() < NEAR:
            return
        ends = self._fixed(view, OVERSAMPLING).tolist()
        widen = self.camera.focal * OVERSAMPLING
        for (start, end), depth, stroke in zip(ends, view[:, 0, 2].tolist(), strokes):
            thick = min(max(1, round(stroke[2] * widen / depth)), 600)
            tone = self._tone(stroke[4], None, stroke[3], depth)
            cv2.line(self.cells, start, end, tone, thick, shift=_SHIFT)

    def shadow(self, polygons: np.ndarray | list, strength: float | None = None) -> None:
        """Darken the ground under polygons (K, 3) or (N, K, 3) that lie on it.

        Args:
            polygons: World points.
            strength: 0 to 1; the light's own when left out.
        """
        strength = self.light.shadow if strength is None else strength
        points = np.asarray(polygons, dtype=float)
        if points.ndim == 2:
            points = points[None]
        if strength <= 0.0 or not len(points):
            return
        view = self.camera.view(points)
        for outline in self._outlines(view, 1):
            cv2.fillPoly(self.shade, [outline], int(255 * strength), shift=_SHIFT)

    def sees(self, points: np.ndarray) -> bool:
        """Whether the box around some world points (K, 3) can be in the image."""
        view = self.camera.view(points)
        ahead = np.maximum(view[:, 2:], NEAR)
        across = view[:, :1] * (self.camera.focal / ahead) / self.camera.center[0]
        return bool(view[:, 2].max() > NEAR and across.min() < 1.05 and across.max() > -1.05)

    def pixels_per_meter(self, depth: float) -> float:
        """Size of a meter at a distance, in pixels of the image."""
        return self.camera.focal / max(depth, NEAR)

    def image(self) -> tuple[np.ndarray, np.ndarray]:
        """The image (H, W, 3) and its label (H, W)."""
        colors = cv2.resize(self.cells, self.camera.size, interpolation=cv2.INTER_AREA)[..., :3]
        label = self.cells[1::OVERSAMPLING, 1::OVERSAMPLING, 3]
        return np.ascontiguousarray(colors), np.ascontiguousarray(label)

    def _outlines(self, view: np.ndarray, oversampling: int) -> list[np.ndarray]:
        """Camera polygons (N, K, 3) to the fixed-point outlines that OpenCV expects."""
        if view[..., 2].min() >= NEAR:
            parts = list(self._fixed(view, oversampling))
        else:
            cut = (clip_near(polygon) for polygon in view if polygon[:, 2].max() >= NEAR)
            parts = [self._fixed(polygon, oversampling) for polygon in cut if len(polygon)]
        return parts

    def _fixed(self, view: np.ndarray, oversampling: int) -> np.ndarray:
        flat = (self.camera.pixels(view) * oversampling).clip(-_LIMIT, _LIMIT)
        return (flat * (1 << _SHIFT)).astype(np.int32)

    def _tone(
        self,
        color: Color,
        normal: tuple[float, float, float] | None,
        label: int,
        depth: float,
    ) -> tuple[float, float, float, float]:
        seen = self.light.far(self.light.on(color, normal), depth)
        return (
            min(max(seen[0], 0.0), 255.0),
            min(max(seen[1], 0.0), 255.0),
            min(max(seen[2], 0.0), 255.0),
            float(label),
        )
