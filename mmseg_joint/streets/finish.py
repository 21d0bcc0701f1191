from __future__ import annotations

import cv2
import numpy as np

from . import textures
from .canvas import Canvas
from .labels import (
    BUILDING,
    CAR,
    FENCE,
    GROUND,
    ROAD,
    SIDEWALK,
    SKY,
    TERRAIN,
    VEGETATION,
    VOID,
    WALL,
)
from .styles import Style

_ROUGHNESS = {
    ROAD: 0.075,
    SIDEWALK: 0.085,
    BUILDING: 0.045,
    WALL: 0.11,
    FENCE: 0.05,
    VEGETATION: 0.24,
    TERRAIN: 0.24,
    SKY: 0.0,
    CAR: 0.025,
    VOID: 0.03,
}


def _table(values: dict[int, float], default: float) -> np.ndarray:
    table = np.full(256, default, np.float32)
    for label, value in values.items():
        table[label] = value
    return table


_ROUGH = _table(_ROUGHNESS, 0.035)
_IS_GROUND = _table(dict.fromkeys(GROUND, 1.0), 0.0)


def finish(canvas: Canvas, style: Style, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Turn a painted canvas into an image of its style.

    Returns:
        BGR image (H, W, 3) uint8 and trainIds (H, W) uint8.
    """
    flat, label = canvas.image()
    image = flat.astype(np.float32)
    _clouds(image, label, canvas, rng)
    gain = _surface(flat, label, canvas, style, rng)
    gain *= 1.0 - _shadows(label, canvas, style)
    if style.photographic:
        gain *= 1.0 - float(rng.uniform(0.1, 0.3)) * textures.vignette(canvas.camera.size)
        gain *= 0.9 + 0.2 * textures.cut(textures.clouds(), canvas.camera.size, rng)
        return _photograph(cv2.multiply(image, cv2.merge([gain] * 3)), canvas, rng), label
    return _rendering(cv2.multiply(image, cv2.merge([gain] * 3)), canvas), label


def _clouds(image: np.ndarray, label: np.ndarray, canvas: Canvas, rng: np.random.Generator) -> None:
    """Clouds that get flatter towards the horizon."""
    size, light = canvas.camera.size, canvas.light
    rows = np.flatnonzero((label == SKY).any(axis=1))
    if not len(rows):
        return
    bottom = int(rows[-1]) + 1
    field = textures.cut(textures.clouds(), (size[0] // 2 + 1, size[1] // 2 + 1), rng)
    steps = np.linspace(1.0, 0.0, bottom, dtype=np.float32)
    height = (np.float32(field.shape[0] - 1) * (1.0 - steps / (steps + 0.35) * 1.35))[:, None]
    columns = np.linspace(0, field.shape[1] - 1, size[0], dtype=np.float32)[None]
    drawn = cv2.remap(
        field, np.repeat(columns, bottom, 0), np.repeat(height, size[0], 1), cv2.INTER_LINEAR
    )
    cover = np.clip((drawn - 0.75 + 0.5 * light.clouds) * 3.2, 0.0, 0.85)
    cover *= (label[:bottom] == SKY) * (0.35 + 0.65 * steps[:, None])
    white = np.array([246.0, 244.0, 242.0], np.float32) - 26.0 * light.clouds
    image[:bottom] += cover[..., None] * (white - image[:bottom])


def _surface(
    flat: np.ndarray,
    label: np.ndarray,
    canvas: Canvas,
    style: Style,
    rng: np.random.Generator,
) -> np.ndarray:
    """Brightness of each pixel relative to its flat color."""
    size = canvas.camera.size
    noise = textures.cut(textures.grain(), size, rng).copy()
    # trunks are vegetation too, but brown
    leaf = (label == VEGETATION) & (flat[..., 1] > flat[..., 2])
    np.copyto(noise, textures.cut(textures.leaves(), size, rng), where=leaf)
    _ground_texture(noise, label, canvas, rng)
    return 1.0 + style.texture * cv2.LUT(label, _ROUGH) * noise


def _ground_texture(
    noise: np.ndarray, label: np.ndarray, canvas: Canvas, rng: np.random.Generator
) -> None:
    """Lay asphalt, slabs and grass on the ground in perspective."""
    rows = np.flatnonzero(np.isin(label, GROUND).any(axis=1))
    if not len(rows):
        return
    part = slice(int(rows[0]), label.shape[0])
    x, z = canvas.camera.ground(part)
    shift = rng.uniform(0, textures.SIDE, size=2).astype(np.float32)
    fade = 1.0 / (1.0 + (z / 22.0) ** 2)
    below = label[part]
    for texture, scale, labels in (
        (textures.grain(), 55.0, (ROAD,)),
        (textures.slabs(), 64.0, (SIDEWALK,)),
        (textures.leaves(), 40.0, (TERRAIN,)),
    ):
        where = below == labels[0]
        if where.any():
            laid = cv2.remap(
                texture,
                x * scale + shift[0],
                z * scale + shift[1],
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_WRAP,
            )
            np.copyto(noise[part], laid * fade, where=where)


def _shadows(label: np.ndarray, canvas: Canvas, style: Style) -> np.ndarray:
    """Share of its light that the ground loses to shadows, 0 to 1."""
    shade = cv2.GaussianBlur(canvas.shade, (5, 5), 1.2 if style.photographic else 0.6)
    return shade.astype(np.float32) * (cv2.LUT(label, _IS_GROUND) / 255.0)


def _rendering(image: np.ndarray, canvas: Canvas) -> np.ndarray:
    """Clean and saturated: a game's colors."""
    gray = cv2.transform(image, np.array([[0.11, 0.59, 0.30]], np.float32))
    image = cv2.addWeighted(image, 1.12, cv2.merge([gray] * 3), -0.12, 0.0)
    gain = np.array(canvas.light.gain, np.float32)
    return np.clip(image * gain, 0.0, 255.0).astype(np.uint8)


def _photograph(image: np.ndarray, canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """Lens, sensor and compression: soft, noisy, off-white."""
    size, light = canvas.camera.size, canvas.light
    gray = cv2.transform(image, np.array([[0.11, 0.59, 0.30]], np.float32))
    fade = float(rng.uniform(0.0, 0.22))
    image = cv2.addWeighted(image, 1.0 - fade, cv2.merge([gray] * 3), fade, 0.0)
    gain = (*light.gain, 0.0)
    image = cv2.multiply(image, gain)  # type: ignore[call-overload]  # cv2 accepts a scalar too
    image = cv2.GaussianBlur(image, (5, 5), float(rng.uniform(0.45, 0.85)))
    noise = textures.cut(textures.sensor(), size, rng)
    image = cv2.scaleAdd(noise, float(rng.uniform(1.0, 3.6)), image)
    curve = _tone_curve(float(rng.uniform(0.88, 1.12)), float(rng.uniform(0.0, 14.0)))
    image = cv2.LUT(np.clip(image, 0.0, 255.0).astype(np.uint8), curve)
    quality = int(rng.integers(72, 94))
    packed = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    assert decoded is not None  # just encoded
    return decoded


def _tone_curve(gamma: float, black: float) -> np.ndarray:
    """A soft shoulder, so that highlights do not burn out at once, and a raised black."""
    x = np.arange(256) / 255.0
    y = x**gamma
    y = y + 0.08 * np.sin(2 * np.pi * (y - 0.5)) * y
    return np.clip(black + y * (252.0 - black), 0, 255).astype(np.uint8)
