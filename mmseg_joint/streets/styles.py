from __future__ import annotations

from dataclasses import dataclass

from .colors import Color, hexes

Span = tuple[float, float]


@dataclass(frozen=True)
class Style:
    """The style of one domain: the layout of its streets and what they are made of.

    Values are drawn uniformly from spans; shares and rates are probabilities or mean counts.
    """

    name: str
    number: int
    """Part of the seed, so that two styles share no scene."""

    # the camera
    focal: Span
    camera_height: Span
    horizon: Span
    yaw: float
    roll: float
    bend: float
    bonnet: float

    # the street
    lanes: tuple[int, ...]
    lane_width: Span
    parking: float
    pavement: Span
    verge: float
    tramway: float
    crossroads: float
    blocks: dict[str, float]
    building_height: Span
    building_width: Span
    pitched_roof: float

    # what stands and moves on it
    parked: float
    traffic: float
    people: float
    riders: float
    bicycles: float
    trees: float
    poles: float
    signs: float
    clutter: float
    vehicles: dict[str, float]

    # colors
    facades: tuple[Color, ...]
    roofs: tuple[Color, ...]
    glass: tuple[Color, ...]
    frames: tuple[Color, ...]
    leaves: tuple[Color, ...]
    bark: tuple[Color, ...]
    grass: tuple[Color, ...]
    asphalt: tuple[Color, ...]
    paving: tuple[Color, ...]
    curb: tuple[Color, ...]
    paint: tuple[Color, ...]
    cloth: tuple[Color, ...]
    skin: tuple[Color, ...]
    metal: tuple[Color, ...]

    # light and lens
    sunny: float
    sun_height: Span
    sky_sunny: tuple[Color, ...]
    sky_covered: tuple[Color, ...]
    haze: Color
    reach: Span
    exposure: Span
    white_balance: float
    texture: float
    photographic: bool


RENDERED = Style(
    name='rendered',
    number=1,
    focal=(0.72, 0.92),
    camera_height=(1.45, 1.65),
    horizon=(0.45, 0.56),
    yaw=0.09,
    roll=0.0,
    bend=0.0,
    bonnet=0.0,
    lanes=(1, 1, 2, 2, 3),
    lane_width=(3.5, 3.9),
    parking=0.4,
    pavement=(3.5, 6.5),
    verge=0.3,
    tramway=0.16,
    crossroads=0.75,
    blocks={'buildings': 0.5, 'park': 0.2, 'wall': 0.15, 'fence': 0.15},
    building_height=(11.0, 44.0),
    building_width=(13.0, 28.0),
    pitched_roof=0.05,
    parked=0.55,
    traffic=1.5,
    people=6.0,
    riders=0.7,
    bicycles=0.25,
    trees=0.45,
    poles=0.8,
    signs=0.6,
    clutter=0.6,
    vehicles={'sedan': 5, 'hatch': 2, 'suv': 4, 'van': 1.5, 'truck': 1.3, 'bus': 0.8},
    facades=hexes('d9a066 c4673c e0c9a0 8fa7c4 b9c4cc d8d2c4 9a5b48 c2a3cf 7f8fa6 e8ddd0'),
    roofs=hexes('6a4a3c 50565e 7c7468'),
    glass=hexes('2c4a72 3a6ea5 1f3350 5c8fc0'),
    frames=hexes('f4f0e6 3c3c44 c8c8c8'),
    leaves=hexes('3f8f2c 4da63a 2f7a34 6cae3a'),
    bark=hexes('6b4a2c 7a5636'),
    grass=hexes('5aa83c 6fb84a 4c9638'),
    asphalt=hexes('63666c 70706f 585c64'),
    paving=hexes('b8b2a8 c4bcb0 aaaab0'),
    curb=hexes('d4d0c8 c8c8cc'),
    paint=hexes('d42020 1f50c8 f0c814 18181c f0f0f0 2c9c48 e86a10 b4b8c0 6a1f8c 10a0b8'),
    cloth=hexes('d83030 2858c8 e8c020 f0f0f0 202028 30a050 d868a8 7048b0 e88830'),
    skin=hexes('e0ac84 c68c60 8c5a3c f0c8a4'),
    metal=hexes('70767c 8c9298 4c5258'),
    sunny=0.85,
    sun_height=(0.45, 1.0),
    sky_sunny=hexes('3f84d8 b4d8f4'),
    sky_covered=hexes('98aac0 ccd8e2'),
    haze=hexes('c0d4e8')[0],
    reach=(320.0, 600.0),
    exposure=(0.98, 1.08),
    white_balance=0.0,
    texture=0.22,
    photographic=False,
)

CAMERA = Style(
    name='camera',
    number=2,
    focal=(0.98, 1.2),
    camera_height=(1.2, 1.42),
    horizon=(0.46, 0.54),
    yaw=0.05,
    roll=0.012,
    bend=0.0009,
    bonnet=0.8,
    lanes=(1, 1, 1, 2),
    lane_width=(2.8, 3.3),
    parking=0.45,
    pavement=(3.0, 5.6),
    verge=0.4,
    tramway=0.16,
    crossroads=0.6,
    blocks={'buildings': 0.6, 'park': 0.12, 'wall': 0.13, 'fence': 0.15},
    building_height=(10.0, 22.0),
    building_width=(8.0, 17.0),
    pitched_roof=0.6,
    parked=0.75,
    traffic=0.8,
    people=12.0,
    riders=0.8,
    bicycles=0.9,
    trees=0.6,
    poles=1.0,
    signs=1.0,
    clutter=1.4,
    vehicles={'sedan': 4, 'hatch': 5, 'suv': 2, 'van': 2, 'truck': 0.7, 'bus': 0.5},
    facades=hexes('b9ad98 a89c88 c8c0b0 8f8478 9c8a74 b4b0a6 7d6a5a a0a098 c2b494 86807a'),
    roofs=hexes('6a4238 5a3c34 4a4a4c 585450'),
    glass=hexes('3a4248 2c3236 4c565c 687278'),
    frames=hexes('d0ccc2 b8b4aa 6c645a 484440'),
    leaves=hexes('4c5a34 58643c 3e4a2e 646a40'),
    bark=hexes('4c443a 5a5044'),
    grass=hexes('6c7448 747850 606a44'),
    asphalt=hexes('747477 7e7e7e 6a6b6e 84827c'),
    paving=hexes('88847e 94908a 7c7a78'),
    curb=hexes('a09c94 94928e'),
    paint=hexes('2a2c30 3c3e42 80848a a4a8ac d0d2d2 1c2436 4a2020 28384c 5a5a54 303a34'),
    cloth=hexes('24262c 34383e 4a4640 1e2a40 5c5c60 6a3230 3c4a3a 8a8a88 b4b0a8 2c2420'),
    skin=hexes('c49a7e a87e60 6e4c38 d2ae94'),
    metal=hexes('5c6064 6c6e70 44484a 7c7c78'),
    sunny=0.5,
    sun_height=(0.35, 0.9),
    sky_sunny=hexes('7fa2c4 d2dde2'),
    sky_covered=hexes('c4cacc e0e2e0'),
    haze=hexes('c4c8c8')[0],
    reach=(160.0, 380.0),
    exposure=(0.98, 1.3),
    white_balance=0.035,
    texture=1.0,
    photographic=True,
)

STYLES = {style.name: style for style in (RENDERED, CAMERA)}
