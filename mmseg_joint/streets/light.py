from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .colors import Color, chance, hexes, mix, scale
from .styles import Style

UP = (0.0, 1.0, 0.0)
TOWARDS = (0.0, 0.0, -1.0)
"""The normal of a face that faces the camera, back along the street."""


@dataclass(frozen=True)
class Light:
    """Sun, sky and air of one image.

    Attributes:
        sun: Unit vector towards the sun.
        ambient: Light on a face that the sun does not see.
        direct: What the sun adds to a face turned straight towards it.
        shadow: How much darker the ground gets in a shadow, 0 to 1.
        haze: The color of the air.
        reach: Meters after which two thirds of a color are air.
        zenith: Sky overhead.
        low: Sky over the horizon.
        clouds: Share of the sky that is covered.
        gain: Exposure and white balance, blue, green, red.
    """

    sun: tuple[float, float, float]
    ambient: float
    direct: float
    shadow: float
    haze: Color
    reach: float
    zenith: Color
    low: Color
    clouds: float
    gain: Color

    def on(self, color: Color, normal: tuple[float, float, float] | None) -> Color:
        """The color of a surface in this light; without a normal, as it is."""
        if normal is None:
            return color
        facing = sum(a * b for a, b in zip(normal, self.sun))
        # the sky lights upward faces a little more than sideways ones
        return scale(color, self.ambient + 0.06 * normal[1] + self.direct * max(facing, 0.0))

    def far(self, color: Color, depth: float) -> Color:
        """The color seen through ``depth`` meters of air."""
        return mix(color, self.haze, 1.0 - math.exp(-max(depth, 0.0) / self.reach))

    def cast(self, points: np.ndarray) -> np.ndarray:
        """Where the shadows of points (..., 3) fall on the ground."""
        fallen = np.array(points, dtype=float)
        height = np.minimum(fallen[..., 1], 40.0)
        fallen[..., 0] -= height * self.sun[0] / self.sun[1]
        fallen[..., 2] -= height * self.sun[2] / self.sun[1]
        fallen[..., 1] = 0.0
        return fallen


def draw_light(rng: np.random.Generator, style: Style) -> Light:
    """The light of an image, sunny or overcast, in a style."""
    sunny = chance(rng, style.sunny)
    elevation = float(rng.uniform(*style.sun_height)) if sunny else 1.2
    # the sun is behind the camera or to a side more often than in front
    azimuth = float(rng.uniform(-0.75, 0.75) * np.pi + np.pi)
    flat = np.cos(elevation)
    sun = (float(flat * np.sin(azimuth)), float(np.sin(elevation)), float(flat * np.cos(azimuth)))
    warm = max(0.0, 1.0 - elevation / 0.9) if sunny else 0.0
    zenith, low = style.sky_sunny if sunny else style.sky_covered
    zenith = scale(zenith, float(rng.uniform(0.9, 1.06)))
    low = mix(scale(low, float(rng.uniform(0.92, 1.04))), hexes('ffc890')[0], 0.45 * warm)
    exposure = float(rng.uniform(*style.exposure))
    cast = float(rng.normal(0.0, style.white_balance)) + 0.05 * warm
    return Light(
        sun=sun,
        ambient=0.62 if sunny else 0.84,
        direct=0.62 if sunny else 0.16,
        shadow=float(rng.uniform(0.42, 0.56)) if sunny else 0.0,
        haze=mix(low, style.haze, 0.6),
        reach=float(rng.uniform(*style.reach)),
        zenith=zenith,
        low=low,
        clouds=float(rng.uniform(0.1, 0.6)) if sunny else 0.9,
        gain=(exposure * (1 - cast), exposure, exposure * (1 + cast)),
    )
