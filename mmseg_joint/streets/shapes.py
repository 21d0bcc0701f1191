from __future__ import annotations

import numpy as np

RING = np.linspace(0.0, 2.0 * np.pi, 14, endpoint=False)


def quad(a: tuple, b: tuple, c: tuple, d: tuple) -> np.ndarray:
    """Four world points as a polygon (4, 3)."""
    return np.array([a, b, c, d], dtype=float)


def flat(x0: float, x1: float, z0: float, z1: float, y: float = 0.0) -> np.ndarray:
    """A rectangle lying on the ground."""
    return quad((x0, y, z0), (x1, y, z0), (x1, y, z1), (x0, y, z1))


def across(x0: float, x1: float, y0: float, y1: float, z: float) -> np.ndarray:
    """An upright rectangle that looks along the street."""
    return quad((x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z))


def along(x: float, y0: float, y1: float, z0: float, z1: float) -> np.ndarray:
    """An upright rectangle that looks across the street."""
    return quad((x, y0, z0), (x, y0, z1), (x, y1, z1), (x, y1, z0))


def strip(x0: float, x1: float, z0: float, z1: float, y: float = 0.0) -> np.ndarray:
    """A rectangle on the ground with points along its long sides, for streets that bend."""
    inner = _KNOTS[np.searchsorted(_KNOTS, z0, 'right') : np.searchsorted(_KNOTS, z1)]
    knots = np.concatenate([[z0], inner, [z1]])
    left = np.stack([np.full_like(knots, x0), np.full_like(knots, y), knots], axis=1)
    right = np.stack([np.full_like(knots, x1), np.full_like(knots, y), knots], axis=1)
    return np.concatenate([left, right[::-1]])


def ellipse(x: float, y: float, z: float, rx: float, ry: float) -> np.ndarray:
    """An upright ellipse that looks along the street."""
    return np.stack([x + rx * np.cos(RING), y + ry * np.sin(RING), np.full(len(RING), z)], axis=1)


def puddle(x: float, z: float, rx: float, rz: float, y: float = 0.0) -> np.ndarray:
    """An ellipse lying on the ground."""
    return np.stack([x + rx * np.cos(RING), np.full(len(RING), y), z + rz * np.sin(RING)], axis=1)


def grid_along(x: float, y: np.ndarray, z: np.ndarray, height: float, length: float) -> np.ndarray:
    """Equal rectangles in a plane that looks across the street: (rows × columns, 4, 3).

    Args:
        x: The plane.
        y: Lower edges of the rows.
        z: Near edges of the columns.
        height: Height of a rectangle.
        length: Length of a rectangle along the street.
    """
    low, near = (part.ravel() for part in np.meshgrid(y, z, indexing='ij'))
    plane = np.full_like(low, x)
    return np.stack(
        [
            np.stack([plane, low, near], axis=1),
            np.stack([plane, low, near + length], axis=1),
            np.stack([plane, low + height, near + length], axis=1),
            np.stack([plane, low + height, near], axis=1),
        ],
        axis=1,
    )


def grid_across(x: np.ndarray, y: np.ndarray, z: float, width: float, height: float) -> np.ndarray:
    """Equal rectangles in a plane that looks along the street: (rows × columns, 4, 3)."""
    low, left = (part.ravel() for part in np.meshgrid(y, x, indexing='ij'))
    plane = np.full_like(low, z)
    return np.stack(
        [
            np.stack([left, low, plane], axis=1),
            np.stack([left + width, low, plane], axis=1),
            np.stack([left + width, low + height, plane], axis=1),
            np.stack([left, low + height, plane], axis=1),
        ],
        axis=1,
    )


_KNOTS = np.array([0.0, 2, 4, 6, 9, 12, 16, 20, 26, 33, 42, 54, 70, 90, 120, 160, 200])
