from __future__ import annotations

import pytest
from mmseg.datasets import CityscapesDataset

from mmseg_joint.datasets import label_maps as maps

CITYSCAPES = {
    'road': 7, 'sidewalk': 8, 'building': 11, 'wall': 12, 'fence': 13, 'pole': 17,
    'traffic light': 19, 'traffic sign': 20, 'vegetation': 21, 'terrain': 22, 'sky': 23,
    'person': 24, 'rider': 25, 'car': 26, 'truck': 27, 'bus': 28, 'train': 31, 'motorcycle': 32,
    'bicycle': 33,
}  # fmt: skip
SYNTHIA = {
    1: 'sky', 2: 'building', 3: 'road', 4: 'sidewalk', 5: 'fence', 6: 'vegetation', 7: 'pole',
    8: 'car', 9: 'traffic sign', 10: 'person', 11: 'bicycle', 12: 'motorcycle',
    15: 'traffic light', 16: 'terrain', 17: 'rider', 18: 'truck', 19: 'bus', 20: 'train',
    21: 'wall',
}  # fmt: skip


def test_classes_and_colors_are_mmsegs():
    assert CityscapesDataset.METAINFO['classes'] == maps.CITYSCAPES_CLASSES
    assert CityscapesDataset.METAINFO['palette'] == maps.CITYSCAPES_PALETTE


@pytest.mark.parametrize('table, last', [(maps.CITYSCAPES_IDS, 33), (maps.GTA_IDS, 34)])
def test_cityscapes_and_gta_by_name(table, last):
    assert sorted(table) == list(range(last + 1))
    by_name = {maps.CITYSCAPES_CLASSES[t]: raw for raw, t in table.items() if t != 255}
    assert by_name == CITYSCAPES


def test_synthia_by_name():
    assert sorted(maps.SYNTHIA_IDS) == list(range(23))
    by_name = {r: maps.CITYSCAPES_CLASSES[t] for r, t in maps.SYNTHIA_IDS.items() if t != 255}
    assert by_name == SYNTHIA


def test_carla_by_name():
    tags = (
        'road', 'sidewalk', 'building', 'wall', 'fence', 'pole', 'traffic light', 'traffic sign',
        'vegetation', 'terrain', 'sky', 'person', 'rider', 'car', 'truck', 'bus', 'train',
        'motorcycle', 'bicycle',
    )  # fmt: skip
    expected = dict.fromkeys(range(29), 0)
    expected.update({i: CITYSCAPES[name] for i, name in enumerate(tags, 1)})
    expected[24] = CITYSCAPES['road']
    assert expected == maps.CARLA_TO_CITYSCAPES_IDS


def test_camvid():
    assert {**{i: i for i in range(11)}, 11: 255, 255: 255} == maps.CAMVID_IDS
    assert len(maps.CAMVID_PALETTE) == len(maps.CAMVID_CLASSES) == 11
    merged = {
        maps.CITYSCAPES_CLASSES[i]: None if j == 255 else maps.CAMVID_CLASSES[j]
        for i, j in maps.CITYSCAPES_TO_CAMVID.items()
    }
    assert merged['truck'] == merged['bus'] == 'car'
    assert merged['motorcycle'] == merged['rider'] == merged['bicycle'] == 'bicyclist'
    assert merged['traffic light'] == merged['traffic sign'] == 'sign'
    assert merged['terrain'] == merged['vegetation'] == 'tree'
    assert merged['sidewalk'] == 'pavement'
    assert merged['wall'] == 'building'
    assert merged['person'] == 'pedestrian'
    assert [c for c, name in merged.items() if name is None] == ['train']
    same = ('road', 'building', 'fence', 'pole', 'sky', 'car')
    assert all(merged[c] == c for c in same)
