"""Every class set and every map between ids, as data, in one place.

Two kinds of ids appear in this package:

- **raw ids** are what a dataset's label files hold;
- **train ids** are what a network predicts: ``0 .. len(classes) - 1``, and 255 for "ignore".

A ``*_IDS`` dictionary maps raw ids to train ids. It lists *every* raw id that a well-formed file of
that dataset can hold, the ignored ones too, so that a value outside it proves a wrong file.
"""

from __future__ import annotations

from mmseg.utils import cityscapes_classes, cityscapes_palette

IGNORE = 255

CITYSCAPES_CLASSES: tuple[str, ...] = tuple(cityscapes_classes())
CITYSCAPES_PALETTE: list[list[int]] = cityscapes_palette()

CAMVID_CLASSES: tuple[str, ...] = (
    *('sky', 'building', 'pole', 'road', 'pavement', 'tree', 'sign', 'fence', 'car'),
    *('pedestrian', 'bicyclist'),
)
CAMVID_PALETTE: list[list[int]] = [
    [128, 128, 128],
    [128, 0, 0],
    [192, 192, 128],
    [128, 64, 128],
    [60, 40, 222],
    [128, 128, 0],
    [192, 128, 128],
    [64, 64, 128],
    [64, 0, 128],
    [64, 64, 0],
    [0, 128, 192],
]


def _with_void(known: dict[int, int], last: int) -> dict[int, int]:
    """Extend ``known`` to every raw id in ``0 .. last``; ids that it lacks are ignored."""
    return {raw: known.get(raw, IGNORE) for raw in range(last + 1)}


# Position in this tuple = train id; value = raw id in `*_gtFine_labelIds.png`.
_CITYSCAPES_RAW = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
_CITYSCAPES_KNOWN = {raw: train for train, raw in enumerate(_CITYSCAPES_RAW)}

CITYSCAPES_IDS: dict[int, int] = _with_void(_CITYSCAPES_KNOWN, last=33)
"""Cityscapes raw id (0 .. 33) → train id."""

GTA_IDS: dict[int, int] = _with_void(_CITYSCAPES_KNOWN, last=34)
"""GTA5 raw id (0 .. 34) → train id. 34 is the license plate, which is -1 in Cityscapes."""

SYNTHIA_IDS: dict[int, int] = _with_void(
    {
        1: 10,  # sky
        2: 2,  # building
        3: 0,  # road
        4: 1,  # sidewalk
        5: 4,  # fence
        6: 8,  # vegetation
        7: 5,  # pole
        8: 13,  # car
        9: 7,  # traffic sign
        10: 11,  # pedestrian
        11: 18,  # bicycle
        12: 17,  # motorcycle
        15: 6,  # traffic light
        16: 9,  # terrain
        17: 12,  # rider
        18: 14,  # truck
        19: 15,  # bus
        20: 16,  # train
        21: 3,  # wall
    },
    last=22,
)
"""SYNTHIA-RAND-CITYSCAPES id (0 .. 22) → Cityscapes train id."""

CAMVID_IDS: dict[int, int] = {
    **{i: i for i in range(len(CAMVID_CLASSES))},
    len(CAMVID_CLASSES): IGNORE,
    IGNORE: IGNORE,
}
"""CamVid label files already hold train ids; unlabeled is 255, or 11 in SegNet's files."""

CARLA_TO_CITYSCAPES_IDS: dict[int, int] = {
    **dict.fromkeys(range(29), 0),  # void: Cityscapes' id 0, "unlabeled"
    **{carla: _CITYSCAPES_RAW[carla - 1] for carla in range(1, 20)},  # CARLA keeps trainId order
    24: 7,  # a road marking is road in Cityscapes
}
"""CARLA semantic tag (0 .. 28) → Cityscapes *raw* id, for ``carla_to_gta.py``."""

# The 11 classes are groups of CamVid's original 32, and the groups decide the doubtful cases:
# grass verges are "VegetationMisc" there, which is grouped with trees, so terrain is tree; trucks
# and buses ("Truck_Bus") are cars, motorcycles ("MotorcycleScooter") are bicyclists, traffic
# lights are signs. Trains hardly occur in CamVid and do not look like cars: they are left out.
_CITYSCAPES_TO_CAMVID_NAMES: dict[str, str | None] = {
    'road': 'road',
    'sidewalk': 'pavement',
    'building': 'building',
    'wall': 'building',
    'fence': 'fence',
    'pole': 'pole',
    'traffic light': 'sign',
    'traffic sign': 'sign',
    'vegetation': 'tree',
    'terrain': 'tree',
    'sky': 'sky',
    'person': 'pedestrian',
    'rider': 'bicyclist',
    'car': 'car',
    'truck': 'car',
    'bus': 'car',
    'train': None,
    'motorcycle': 'bicyclist',
    'bicycle': 'bicyclist',
}

CITYSCAPES_TO_CAMVID: dict[int, int] = {
    train: IGNORE if name is None else CAMVID_CLASSES.index(name)
    for train, name in enumerate(_CITYSCAPES_TO_CAMVID_NAMES[c] for c in CITYSCAPES_CLASSES)
}
"""Cityscapes train id → CamVid train id."""

CLASS_MAPPINGS: dict[str, tuple[tuple[str, ...], list[list[int]], dict[int, int]]] = {
    'cityscapes': (
        CITYSCAPES_CLASSES,
        CITYSCAPES_PALETTE,
        {i: i for i in range(len(CITYSCAPES_CLASSES))},
    ),
    'camvid': (CAMVID_CLASSES, CAMVID_PALETTE, CITYSCAPES_TO_CAMVID),
}
"""Class sets to which Cityscapes' 19 classes can be mapped: name → (classes, palette, map from
Cityscapes train ids)."""

_NOT_IN_16 = ('terrain', 'truck', 'train')
_NOT_IN_13 = (*_NOT_IN_16, 'wall', 'fence', 'pole')

EVAL_CLASS_SETS: dict[str, tuple[str, ...]] = {
    '19': CITYSCAPES_CLASSES,
    '16': tuple(name for name in CITYSCAPES_CLASSES if name not in _NOT_IN_16),
    '13': tuple(name for name in CITYSCAPES_CLASSES if name not in _NOT_IN_13),
    'camvid': CAMVID_CLASSES,
}
"""Classes over which a mean IoU is taken, for ``ProtocolIoUMetric``: name → class names. The 16 are
SYNTHIA's; the 13 are those of papers that leave out its wall, fence and pole."""

NTHU_CLASSES: tuple[str, ...] = EVAL_CLASS_SETS['13']
NTHU_PALETTE: list[list[int]] = [
    CITYSCAPES_PALETTE[CITYSCAPES_CLASSES.index(name)] for name in NTHU_CLASSES
]

CITYSCAPES_TO_NTHU: dict[int, int] = {
    train: NTHU_CLASSES.index(name) if name in NTHU_CLASSES else IGNORE
    for train, name in enumerate(CITYSCAPES_CLASSES)
}
"""Cityscapes train id → train id among the 13 classes of the cross-city data."""

NTHU_IDS: dict[int, int] = {
    **{raw: CITYSCAPES_TO_NTHU.get(train, IGNORE) for raw, train in CITYSCAPES_IDS.items()},
    IGNORE: IGNORE,
}
"""Raw id of a cross-city label (Cityscapes' 0 .. 33, and 255 for its -1) → train id of the 13."""

CLASS_MAPPINGS['nthu'] = (NTHU_CLASSES, NTHU_PALETTE, CITYSCAPES_TO_NTHU)
