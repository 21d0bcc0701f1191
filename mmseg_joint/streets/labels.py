"""The 19 Cityscapes classes by name, as train ids."""

from __future__ import annotations

from ..datasets.label_maps import CITYSCAPES_CLASSES, IGNORE

(
    ROAD,
    SIDEWALK,
    BUILDING,
    WALL,
    FENCE,
    POLE,
    TRAFFIC_LIGHT,
    TRAFFIC_SIGN,
    VEGETATION,
    TERRAIN,
    SKY,
    PERSON,
    RIDER,
    CAR,
    TRUCK,
    BUS,
    TRAIN,
    MOTORCYCLE,
    BICYCLE,
) = range(len(CITYSCAPES_CLASSES))

VOID = IGNORE
GROUND = (ROAD, SIDEWALK, TERRAIN)
