from __future__ import annotations

import numpy as np

from .colors import chance
from .people import (
    paint_bicycle,
    paint_cyclist,
    paint_motorcyclist,
    paint_person,
)
from .scene import Scene
from .street import PARKING_WIDTH
from .vehicle_models import MODELS
from .vehicles import paint_vehicle


def drive(scene: Scene) -> None:
    """Cars, trucks, buses and trams in the lanes, parked ones along the curbs, cross traffic."""
    if scene.street.tramway:
        _tram(scene)
    for number in range(-scene.street.lanes, scene.street.lanes):
        _lane(scene, number)
    for side in (-1, 1):
        if scene.street.parking[side > 0]:
            _parked(scene, side)
    for near, far in scene.street.crossings:
        _crossing_traffic(scene, near, far)


def _kind(scene: Scene, small: bool = False) -> str:
    kinds = {k: v for k, v in scene.style.vehicles.items() if not small or MODELS[k].length < 5.5}
    odds = np.cumsum(list(kinds.values()))
    return list(kinds)[int(np.searchsorted(odds, scene.rng.random() * odds[-1]))]


def _lane(scene: Scene, number: int) -> None:
    """Traffic of one lane; the camera's own lane stays free for the first meters."""
    rng, street = scene.rng, scene.street
    own = abs(street.lane(number) - scene.canvas.camera.position[0]) < 1.0
    x, heading = street.lane(number), 0.0 if number >= 0 else np.pi
    z = float(rng.uniform(13.0, 45.0) if own else rng.uniform(2.0, 40.0))
    while z < 130.0:
        if chance(rng, 0.55 * scene.style.traffic):
            kind = _kind(scene)
            half = 0.5 * MODELS[kind].length
            z += half
            if not _tram_near(scene, number, z) and (not own or z - half > 9.0):
                at = x + float(rng.normal() * 0.15)
                _stand(scene, kind, at, z, heading)
            z += half
        z += float(rng.uniform(4.0, 30.0))


def _stand(scene: Scene, kind: str, x: float, z: float, heading: float) -> None:
    """Add a vehicle, which hides things beside it."""
    model = MODELS[kind]
    length = max(model.length * abs(float(np.cos(heading))), model.width)
    scene.add(x, z + 0.5 * length, paint_vehicle, kind, x, z, heading, length=length)


def _tram_near(scene: Scene, number: int, z: float) -> bool:
    """Trams stand only in the two middle lanes, and nothing stands in a tram."""
    return number in scene.tram and abs(scene.tram[number] - z) < 22.0


def _tram(scene: Scene) -> None:
    rng, street = scene.rng, scene.street
    for number in (-1, 0):
        own = abs(street.lane(number) - scene.canvas.camera.position[0]) < 1.0
        if chance(rng, 0.7):
            z = float(rng.uniform(36.0, 75.0) if own else rng.uniform(22.0, 60.0))
            scene.tram[number] = z
            heading = 0.0 if number >= 0 else np.pi
            _stand(scene, 'tram', street.lane(number), z, heading)


def _parked(scene: Scene, side: int) -> None:
    rng, street = scene.rng, scene.street
    x = side * (street.curb(side) - 0.5 * PARKING_WIDTH)
    z = float(rng.uniform(1.0, 6.0))
    heading = 0.0 if side > 0 else np.pi
    while z < 110.0:
        if not street.crossed(z, 8.0) and chance(rng, scene.style.parked):
            turned = heading if chance(rng, 0.85) else heading + np.pi
            lean = float(rng.normal() * 0.02)
            at = x + float(rng.normal() * 0.06)
            _stand(scene, _kind(scene, small=True), at, z, turned + lean)
        z += float(rng.uniform(5.4, 6.6))


def _crossing_traffic(scene: Scene, near: float, far: float) -> None:
    """Vehicles that drive along a cross street, seen from their sides."""
    rng = scene.rng
    for heading, share in ((0.5 * np.pi, 0.28), (-0.5 * np.pi, 0.72)):
        z = near + share * (far - near)
        x = float(rng.uniform(-45.0, 0.0))
        while x < 45.0:
            if chance(rng, 0.3 * scene.style.traffic):
                _stand(scene, _kind(scene), x, z, heading)
            x += float(rng.uniform(13.0, 30.0))


def walk(scene: Scene) -> None:
    """People on the pavements and on the zebras, riders on the road, parked bicycles."""
    for side in (-1, 1):
        _pavement(scene, side)
        _bicycles(scene, side)
    for near, far in scene.street.crossings:
        for z in (near - 2.7, far + 2.7):
            for _ in range(scene.rng.poisson(0.14 * scene.style.people)):
                x = float(scene.rng.uniform(-scene.street.curb(-1), scene.street.curb(1)))
                heading = (0.5 if chance(scene.rng, 0.5) else -0.5) * np.pi
                at = z + float(scene.rng.normal() * 0.5)
                scene.add(x, at, paint_person, x, at, heading)
    _riders(scene)


def _pavement(scene: Scene, side: int) -> None:
    """Single people and small groups, who walk along or stand."""
    rng, street = scene.rng, scene.street
    inner = street.curb(side) + max(street.verge(side), 0.8) + 0.2
    outer = max(street.front(side) - 0.7, inner + 0.3)
    for _ in range(rng.poisson(0.5 * scene.style.people)):
        z, x = 5.0 + 50.0 * float(rng.random()) ** 1.3, float(rng.uniform(inner, outer))
        heading = 0.0 if chance(rng, 0.5) else np.pi
        for member in range(1 + int(rng.integers(0, 3)) * chance(rng, 0.4)):
            turn = heading + float(rng.normal() * 0.35)
            at = side * (x + 0.65 * member)
            place = z + float(rng.normal() * 0.3)
            scene.add(at, place, paint_person, at, place, turn)


def _bicycles(scene: Scene, side: int) -> None:
    """A row of parked bicycles or motorcycles beside the curb."""
    rng, street = scene.rng, scene.street
    if not chance(rng, 0.6 * scene.style.bicycles):
        return
    start, motor = float(rng.uniform(5.0, 25.0)), chance(rng, 0.25)
    turn = float(rng.uniform(0.6, 1.5)) * side
    for number in range(int(rng.integers(1, 7))):
        z = start + (1.3 if motor else 0.75) * number
        if street.crossed(z, 1.0):
            continue
        x = side * (street.curb(side) + 1.25)
        if motor:
            scene.add(x, z, paint_motorcyclist, x, z, turn, False)
        else:
            scene.add(x, z, paint_bicycle, x, z, turn + float(rng.normal() * 0.1))


def _riders(scene: Scene) -> None:
    """Cyclists near the curb, motorcyclists in the lanes."""
    rng, street = scene.rng, scene.street
    for _ in range(rng.poisson(scene.style.riders)):
        side = 1 if chance(rng, 0.6) else -1
        heading = 0.0 if side > 0 else np.pi
        z = float(rng.uniform(6.0, 32.0))
        if chance(rng, 0.3):
            x = street.lane(0 if side > 0 else -1) + float(rng.normal() * 0.4)
            scene.add(x, z, paint_motorcyclist, x, z, heading)
        else:
            x = side * (street.lanes * street.lane_width - 0.7)
            scene.add(x, z, paint_cyclist, x, z, heading + float(rng.normal() * 0.15))
