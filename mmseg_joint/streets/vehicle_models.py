from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .labels import BUS, CAR, TRAIN, TRUCK

_WHEEL = np.linspace(0.0, 2.0 * np.pi, 12, endpoint=False)

Corner = tuple[float, float, str]
"""Meters forward of the middle, meters up, and material of the edge to the next corner."""


@dataclass(frozen=True)
class Body:
    """A silhouette seen from the left, extruded to its width.

    Attributes:
        outline: Corners from the lower rear over the top to the lower front.
        width: At the waist, in meters.
        waist: Height above which the body gets narrower, in meters.
        roof: Width of the highest point as a share of ``width``.
        windows: Side windows, as (rear, front, low, high, lean) in meters.
        wheels: Axle positions, in meters forward of the middle.
        tire: Radius of the wheels.
        front: Lamps, grille and plates as (center, half width, low, high, material).
        rear: The same for the other end.
        finish: Material of the sides.
    """

    outline: tuple[Corner, ...]
    width: float = 1.78
    waist: float = 0.95
    roof: float = 0.78
    windows: tuple[tuple[float, float, float, float, float], ...] = ()
    wheels: tuple[float, ...] = ()
    tire: float = 0.32
    front: tuple[tuple[float, float, float, float, str], ...] = ()
    rear: tuple[tuple[float, float, float, float, str], ...] = ()
    finish: str = 'body'

    def half(self, y: np.ndarray) -> np.ndarray:
        """Half the width at some heights."""
        top = max(corner[1] for corner in self.outline)
        share = np.clip((np.asarray(y) - self.waist) / max(top - self.waist, 1e-3), 0.0, 1.0)
        return 0.5 * self.width * (1.0 - (1.0 - self.roof) * share)


@dataclass(frozen=True)
class Face:
    """A polygon of a body, with what is painted on it.

    Attributes:
        points: (K, 3) of side (right), up, forward.
        normal: Outward, of unit length.
        material: A key of the vehicle's colors.
    """

    points: np.ndarray
    normal: tuple[float, float, float]
    material: str
    details: list[tuple[np.ndarray, str]] = field(default_factory=list)


def build(body: Body) -> list[Face]:
    """Return the faces of a body: one per edge of its outline, and two sides."""
    faces = [_edge(body, i) for i in range(len(body.outline) - 1)]
    s = np.array([corner[0] for corner in body.outline])
    y = np.array([corner[1] for corner in body.outline])
    for side in (-1.0, 1.0):
        half = body.half(y) * side
        points = np.stack([half, y, s], axis=1)
        faces.append(Face(points, (side, 0.0, 0.0), body.finish, _side_details(body, side)))
    _end_details(body, faces)
    return faces


def _edge(body: Body, index: int) -> Face:
    (s0, y0, material), (s1, y1, _) = body.outline[index], body.outline[index + 1]
    w0, w1 = body.half(np.array([y0, y1]))
    points = np.array([(-w0, y0, s0), (w0, y0, s0), (w1, y1, s1), (-w1, y1, s1)])
    length = float(np.hypot(s1 - s0, y1 - y0))
    normal = (0.0, (s1 - s0) / length, -(y1 - y0) / length)
    if material != 'glass':
        return Face(points, normal, material)
    middle = points.mean(axis=0)
    pane = middle + (points - middle) * np.array([0.88, 0.86, 0.86])
    return Face(points, normal, body.finish, [(pane, 'glass')])


def _side_details(body: Body, side: float) -> list[tuple[np.ndarray, str]]:
    """Windows, then wheels, on one side."""
    details = []
    for rear, front, low, high, lean in body.windows:
        y = np.array([low, low, high, high])
        s = np.array([rear, front, front - lean, rear + abs(lean) * 0.5])
        details.append((np.stack([side * body.half(y) * 1.005, y, s], axis=1), 'glass'))
    out = side * 0.5 * body.width * 1.01
    low, high = body.outline[0][0], body.outline[-1][0]
    if body.wheels and body.finish == 'body':
        details.append((_panel(0.985 * out, low, high, 0.3, 0.46), 'sill'))
        details.append((_panel(out, low, high, 0.68, 0.72), 'seam'))
    if body.wheels and body.width < 2.0:
        for seam in (body.windows[-1][0] - 0.05, body.windows[-1][1] - 0.05):
            details.append((_panel(out, seam, seam + 0.03, 0.42, body.waist), 'seam'))
    for axle in body.wheels:
        for radius, material in ((1.0, 'tire'), (0.62, 'hub')):
            r = radius * body.tire
            details.append(
                (
                    np.stack(
                        [
                            np.full(12, out),
                            body.tire + r * np.sin(_WHEEL),
                            axle + r * np.cos(_WHEEL),
                        ],
                        axis=1,
                    ),
                    material,
                )
            )
    return details


def _panel(x: float, rear: float, front: float, low: float, high: float) -> np.ndarray:
    return np.array([(x, low, rear), (x, low, front), (x, high, front), (x, high, rear)])


def _end_details(body: Body, faces: list[Face]) -> None:
    """Put lamps and plates on the first face (rear) and on the last one that faces forward."""
    edges = faces[:-2]
    ends = ((body.rear, min, edges[0]), (body.front, max, edges[-1]))
    for details, outermost, face in ends:
        s = outermost(corner[0] for corner in body.outline) * 1.003
        for center, half, low, high, material in details:
            for mirror in {center, -center}:
                face.details.append(
                    (
                        np.array(
                            [
                                (mirror - half, low, s),
                                (mirror + half, low, s),
                                (mirror + half, high, s),
                                (mirror - half, high, s),
                            ]
                        ),
                        material,
                    )
                )


_CAR_REAR = (
    (0.68, 0.17, 0.62, 0.82, 'tail'),
    (0.0, 0.25, 0.5, 0.62, 'plate'),
    (0.0, 0.86, 0.3, 0.42, 'trim'),
)
_CAR_FRONT = (
    (0.64, 0.2, 0.58, 0.74, 'lamp'),
    (0.0, 0.36, 0.5, 0.68, 'trim'),
    (0.0, 0.25, 0.36, 0.46, 'plate'),
)

SEDAN = Body(
    outline=(
        (-2.25, 0.3, 'body'),
        (-2.25, 0.86, 'body'),
        (-2.1, 0.98, 'body'),
        (-1.6, 1.0, 'glass'),
        (-0.95, 1.4, 'body'),
        (0.3, 1.43, 'glass'),
        (1.1, 0.98, 'body'),
        (2.1, 0.8, 'body'),
        (2.25, 0.76, 'body'),
        (2.25, 0.28, 'trim'),
    ),
    windows=((-1.35, -0.3, 0.98, 1.34, 0.0), (-0.22, 0.95, 0.98, 1.34, 0.62)),
    wheels=(-1.35, 1.4),
    rear=_CAR_REAR,
    front=_CAR_FRONT,
)

HATCH = Body(
    outline=(
        (-1.95, 0.3, 'body'),
        (-1.95, 0.95, 'glass'),
        (-1.65, 1.46, 'body'),
        (0.25, 1.5, 'glass'),
        (1.1, 1.0, 'body'),
        (1.85, 0.82, 'body'),
        (1.95, 0.76, 'body'),
        (1.95, 0.28, 'trim'),
    ),
    width=1.72,
    windows=((-1.5, -0.45, 1.0, 1.4, 0.0), (-0.37, 0.92, 1.0, 1.4, 0.62)),
    wheels=(-1.25, 1.25),
    tire=0.31,
    rear=_CAR_REAR,
    front=_CAR_FRONT,
)

SUV = Body(
    outline=(
        (-2.2, 0.36, 'body'),
        (-2.2, 1.08, 'glass'),
        (-2.0, 1.66, 'body'),
        (0.3, 1.7, 'glass'),
        (1.0, 1.14, 'body'),
        (2.05, 1.0, 'body'),
        (2.2, 0.9, 'body'),
        (2.2, 0.34, 'trim'),
    ),
    width=1.88,
    waist=1.1,
    windows=(
        (-1.9, -1.2, 1.13, 1.58, 0.0),
        (-1.12, -0.2, 1.13, 1.58, 0.0),
        (-0.12, 0.88, 1.13, 1.58, 0.5),
    ),
    wheels=(-1.4, 1.4),
    tire=0.37,
    rear=(
        (0.76, 0.12, 0.8, 1.12, 'tail'),
        (0.0, 0.26, 0.72, 0.84, 'plate'),
        (0.0, 0.9, 0.36, 0.5, 'trim'),
    ),
    front=(
        (0.68, 0.2, 0.72, 0.88, 'lamp'),
        (0.0, 0.42, 0.6, 0.84, 'trim'),
        (0.0, 0.26, 0.42, 0.53, 'plate'),
    ),
)

VAN = Body(
    outline=(
        (-2.5, 0.35, 'body'),
        (-2.5, 1.2, 'glass'),
        (-2.45, 2.0, 'body'),
        (1.2, 2.05, 'glass'),
        (1.95, 1.2, 'body'),
        (2.5, 1.0, 'body'),
        (2.5, 0.35, 'trim'),
    ),
    width=1.95,
    waist=1.2,
    roof=0.9,
    windows=((0.2, 1.65, 1.2, 1.8, 0.5),),
    wheels=(-1.6, 1.65),
    tire=0.34,
    rear=((0.85, 0.09, 0.7, 1.1, 'tail'), (0.0, 0.26, 0.6, 0.73, 'plate')),
    front=((0.76, 0.18, 0.68, 0.88, 'lamp'), (0.0, 0.5, 0.5, 0.66, 'trim')),
)

BUS_BODY = Body(
    outline=(
        (-5.8, 0.35, 'body'),
        (-5.8, 1.2, 'glass'),
        (-5.75, 2.9, 'body'),
        (5.7, 2.95, 'glass'),
        (5.8, 1.0, 'body'),
        (5.8, 0.3, 'trim'),
    ),
    width=2.5,
    waist=2.4,
    roof=0.95,
    windows=tuple((s, s + 1.55, 1.25, 2.45, 0.0) for s in np.arange(-5.4, 5.0, 1.75).tolist()),
    wheels=(-3.4, 3.6),
    tire=0.48,
    rear=((1.05, 0.12, 0.7, 1.1, 'tail'), (0.0, 0.26, 0.5, 0.63, 'plate')),
    front=((0.95, 0.18, 0.6, 0.8, 'lamp'), (0.0, 0.8, 2.55, 2.82, 'sign')),
)

CAB = Body(
    outline=(
        (1.6, 0.5, 'trim'),
        (1.6, 2.5, 'body'),
        (3.5, 2.55, 'glass'),
        (3.75, 1.45, 'body'),
        (3.8, 1.2, 'body'),
        (3.8, 0.4, 'trim'),
    ),
    width=2.3,
    waist=1.5,
    roof=0.92,
    windows=((2.1, 3.45, 1.45, 2.2, 0.2),),
    wheels=(2.7,),
    tire=0.46,
    front=((0.85, 0.2, 0.6, 0.8, 'lamp'), (0.0, 0.8, 0.85, 1.15, 'trim')),
)

CARGO = Body(
    outline=(
        (-3.9, 0.95, 'cargo'),
        (-3.9, 3.1, 'cargo'),
        (1.45, 3.1, 'cargo'),
        (1.45, 0.95, 'trim'),
    ),
    width=2.4,
    waist=9.0,
    wheels=(-2.6,),
    tire=0.46,
    finish='cargo',
    rear=(
        (0.0, 0.02, 1.0, 3.05, 'trim'),
        (1.0, 0.14, 0.8, 0.95, 'tail'),
        (0.0, 1.15, 0.55, 0.78, 'trim'),
    ),
)

CHASSIS = Body(
    outline=((-3.7, 0.5, 'trim'), (-3.7, 0.95, 'trim'), (3.4, 0.95, 'trim'), (3.4, 0.5, 'trim')),
    width=1.9,
    waist=9.0,
    finish='trim',
)


def _carriage(middle: float) -> Body:
    low, high = middle - 6.2, middle + 6.2
    return Body(
        outline=(
            (low, 0.3, 'body'),
            (low, 1.3, 'glass'),
            (low + 0.2, 3.2, 'body'),
            (high - 0.2, 3.2, 'glass'),
            (high, 1.3, 'body'),
            (high, 0.3, 'trim'),
        ),
        width=2.45,
        waist=2.6,
        roof=0.92,
        windows=tuple(
            (s, s + 1.5, 1.35, 2.55, 0.0) for s in np.arange(low + 0.7, high - 1.6, 1.75).tolist()
        ),
        rear=((0.9, 0.13, 0.7, 0.9, 'tail'), (0.0, 0.7, 2.7, 3.0, 'sign')),
        front=((0.85, 0.17, 0.7, 0.9, 'lamp'), (0.0, 0.7, 2.7, 3.0, 'sign')),
    )


class Part:
    """The faces of one body, with arrays that determine which are visible.

    Attributes:
        faces: All faces.
        normals: (F, 3).
        anchors: A corner of each face, (F, 3).
        centers: (F, 3).
    """

    def __init__(self, faces: list[Face]) -> None:
        self.faces = faces
        self.normals = np.array([face.normal for face in faces])
        self.anchors = np.stack([face.points[0] for face in faces])
        self.centers = np.stack([face.points.mean(axis=0) for face in faces])

    def seen(self, eye: np.ndarray) -> list[int]:
        """Return the faces turned towards a point (3,), far ones first."""
        facing = ((eye - self.anchors) * self.normals).sum(axis=1) > 0.0
        distance = np.square(self.centers - eye).sum(axis=1)
        return [int(i) for i in np.argsort(-distance, kind='stable') if facing[i]]

    def gap(self, eye: np.ndarray) -> float:
        """Return the distance, along the vehicle, of a point from this part."""
        return float(np.abs(self.anchors[:, 2] - eye[2]).min())


@dataclass(frozen=True)
class Model:
    """A kind of vehicle: its label, its parts, and its length in meters."""

    label: int
    parts: tuple[Part, ...]
    length: float
    width: float


def _model(label: int, length: float, *bodies: Body) -> Model:
    parts = tuple(Part(build(body)) for body in bodies)
    return Model(label, parts, length, max(body.width for body in bodies))


MODELS = {
    'sedan': _model(CAR, 4.5, SEDAN),
    'hatch': _model(CAR, 3.9, HATCH),
    'suv': _model(CAR, 4.4, SUV),
    'van': _model(CAR, 5.0, VAN),
    'truck': _model(TRUCK, 7.8, CHASSIS, CARGO, CAB),
    'bus': _model(BUS, 11.6, BUS_BODY),
    'tram': _model(TRAIN, 25.0, _carriage(-6.3), _carriage(6.3)),
}
