from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

SIDE = 1024
"""Side of a texture in pixels; all textures tile seamlessly."""


@lru_cache(maxsize=1)
def grain() -> np.ndarray:
    """Noise at every scale, zero mean, unit deviation: asphalt and plaster."""
    rng = np.random.default_rng(11)
    return _unit(_layers(rng, (0.6, 1.0), (2.0, 0.6), (6.0, 0.5), (20.0, 0.5), (60.0, 0.5)))


@lru_cache(maxsize=1)
def leaves() -> np.ndarray:
    """Spots with hard edges at leaf size: crowns and grass."""
    rng = np.random.default_rng(12)
    field = _noise(rng, 0.6) + 0.9 * _noise(rng, 1.3) + 0.5 * _noise(rng, 3.5)
    return _unit(np.tanh(0.8 * field))


@lru_cache(maxsize=1)
def clouds() -> np.ndarray:
    """Slow noise in 0 to 1: clouds, dirt and uneven light."""
    rng = np.random.default_rng(13)
    field = _unit(_layers(rng, (4.0, 0.12), (10.0, 0.25), (26.0, 0.5), (70.0, 1.0)))
    return np.clip(0.5 + 0.25 * field, 0.0, 1.0).astype(np.float32)


@lru_cache(maxsize=1)
def slabs() -> np.ndarray:
    """Paving stones, 32 to a side: each its own shade, dark joints between them."""
    rng = np.random.default_rng(14)
    shades = rng.normal(0.0, 0.5, size=(32, 32)).astype(np.float32)
    tiles = np.kron(shades, np.ones((SIDE // 32, SIDE // 32), np.float32))
    step = np.arange(SIDE) % (SIDE // 32) < 3
    tiles[step] = -1.8
    tiles[:, step] = -1.8
    return tiles + 0.4 * grain()


@lru_cache(maxsize=1)
def sensor() -> np.ndarray:
    """Noise of a color sensor, a little smeared as by demosaicing; unit deviation."""
    rng = np.random.default_rng(15)
    white = rng.standard_normal((SIDE, SIDE, 3), dtype=np.float32)
    field = cv2.GaussianBlur(white, (3, 3), 0.55, borderType=cv2.BORDER_REFLECT)
    field += 0.6 * field.mean(axis=2, keepdims=True)
    return field / field.std()


@lru_cache(maxsize=4)
def vignette(size: tuple[int, int]) -> np.ndarray:
    """Distance from the image's middle, squared: 0 there, 1 in the corners."""
    width, height = size
    x = np.linspace(-1.0, 1.0, width, dtype=np.float32)
    y = np.linspace(-1.0, 1.0, height, dtype=np.float32)[:, None]
    return 0.5 * (x * x + y * y)


def cut(texture: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A piece of a texture at a random place, repeated where the image is larger."""
    width, height = size
    top, left = (int(v) for v in rng.integers(0, SIDE, size=2))
    if top + height <= SIDE and left + width <= SIDE:
        return texture[top : top + height, left : left + width]
    rows, columns = (top + np.arange(height)) % SIDE, (left + np.arange(width)) % SIDE
    return texture[rows][:, columns]


def prepare() -> None:
    """Make all textures, so that processes forked from this one share them."""
    for texture in (grain, leaves, clouds, slabs, sensor):
        texture()


def _layers(rng: np.random.Generator, *layers: tuple[float, float]) -> np.ndarray:
    """Noise of several scales, each with its weight."""
    total: np.ndarray = np.zeros((SIDE, SIDE), np.float32)
    for sigma, weight in layers:
        total = total + _noise(rng, sigma) * weight
    return total


def _noise(rng: np.random.Generator, sigma: float) -> np.ndarray:
    """White noise smoothed to a scale, with unit deviation, without a seam."""
    field = rng.standard_normal((SIDE, SIDE), dtype=np.float32)
    shrink = max(1, int(sigma / 4))
    small = field[: SIDE // shrink, : SIDE // shrink]
    edge = 16
    padded = cv2.copyMakeBorder(small, edge, edge, edge, edge, cv2.BORDER_WRAP)
    padded = cv2.GaussianBlur(padded, (0, 0), sigma / shrink)
    if shrink > 1:
        full = (SIDE // shrink + 2 * edge) * shrink
        padded = cv2.resize(padded, (full, full), interpolation=cv2.INTER_CUBIC)
    inner = padded[edge * shrink : edge * shrink + SIDE, edge * shrink : edge * shrink + SIDE]
    return _unit(_fit(inner))


def _fit(field: np.ndarray) -> np.ndarray:
    if field.shape == (SIDE, SIDE):
        return field
    return cv2.resize(field, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def _unit(field: np.ndarray) -> np.ndarray:
    field = field - field.mean()
    return (field / field.std()).astype(np.float32)
