from __future__ import annotations

import numpy as np

NEAR = 0.6
"""Distance of the near clipping plane, in meters."""

FAR = 240.0
"""Meters to the end of the world."""


class Camera:
    """A pinhole camera over a street.

    World: ``x`` to the right, ``y`` up, ``z`` along the street, in meters; the camera stands over
    ``z = 0``. A street may bend: ``x`` grows by ``bend * z ** 2`` before anything is projected, so
    that every painter can work as if the street were straight.

    Args:
        size: Width and height of the image, in pixels.
        focal: Focal length as a share of the image's width.
        height: Meters above the road.
        lateral: Meters to the right of the street's axis.
        horizon: Where the horizon lies, as a share of the image's height from the top.
        yaw: Radians to the right.
        roll: Radians, clockwise.
        bend: Curvature of the street, 1/m.
    """

    def __init__(
        self,
        size: tuple[int, int],
        focal: float,
        height: float,
        lateral: float,
        horizon: float = 0.5,
        yaw: float = 0.0,
        roll: float = 0.0,
        bend: float = 0.0,
    ) -> None:
        width, rows = size
        self.size = size
        self.focal = focal * width
        self.center = (0.5 * width, 0.5 * rows)
        self.position = np.array([lateral, height, 0.0])
        self.bend = bend
        pitch = float(np.arctan2((0.5 - horizon) * rows, self.focal))
        self.rotation = _rotation(yaw, pitch, roll)
        # world to camera as one product: y is flipped, since it grows downwards in an image
        self._columns = np.ascontiguousarray(self.rotation.T) * np.array([[1.0], [-1.0], [1.0]])
        self._origin = -self.position @ self._columns

    def view(self, points: np.ndarray) -> np.ndarray:
        """World points (..., 3) to camera coordinates: right, down, forward."""
        flat = points.reshape(-1, 3)
        view = flat @ self._columns
        view += self._origin
        if self.bend:
            view += (self.bend * flat[:, 2:] ** 2) * self._columns[0]
        return view.reshape(points.shape)

    def pixels(self, view: np.ndarray) -> np.ndarray:
        """Camera coordinates in front of the lens (..., 3) to pixels (..., 2)."""
        flat = view[..., :2] * (self.focal / view[..., 2:])
        flat += self.center
        return flat

    def ground(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """World ``x`` and ``z`` of the ground under each pixel of some rows.

        Returns:
            Two float32 maps (rows, width); pixels at or over the horizon lie at ``FAR``.
        """
        width = self.size[0]
        u = ((np.arange(width) + 0.5 - self.center[0]) / self.focal).astype(np.float32)
        centered = np.arange(rows.start, rows.stop) + 0.5 - self.center[1]
        v = (centered / self.focal).astype(np.float32)[:, None]
        turn = self.rotation.astype(np.float32)
        # a ray is the rotation's transpose times (u, v, 1)
        across = turn[0, 0] * u + turn[1, 0] * v + turn[2, 0]
        down = turn[0, 1] * u + turn[1, 1] * v + turn[2, 1]
        along = turn[0, 2] * u + turn[1, 2] * v + turn[2, 2]
        length = np.float32(self.position[1]) / np.maximum(down, 1e-4)
        z = np.clip(along * length, 0.0, FAR)
        x = across * length + np.float32(self.position[0]) - np.float32(self.bend) * z * z
        return np.clip(x, -FAR, FAR), z


def clip_near(polygon: np.ndarray) -> np.ndarray:
    """Cut a polygon (K, 3) in camera coordinates at the near plane."""
    depth = polygon[:, 2] - NEAR
    inside = depth >= 0
    if inside.all():
        return polygon
    kept: list[np.ndarray] = []
    for i in range(len(polygon)):
        j = (i + 1) % len(polygon)
        if inside[i]:
            kept.append(polygon[i])
        if inside[i] != inside[j]:
            share = depth[i] / (depth[i] - depth[j])
            kept.append(polygon[i] + share * (polygon[j] - polygon[i]))
    return np.array(kept) if kept else np.empty((0, 3))


def _rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Turn right by ``yaw``, look down by ``pitch``, then lean by ``roll``."""
    c, s = np.cos(yaw), np.sin(yaw)
    turn = np.array([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]])
    c, s = np.cos(pitch), np.sin(pitch)
    tilt = np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
    c, s = np.cos(roll), np.sin(roll)
    lean = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return lean @ tilt @ turn
