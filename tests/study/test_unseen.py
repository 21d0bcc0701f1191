from __future__ import annotations

import numpy as np
from PIL import Image

from mmseg_joint.study.unseen import unseen_classes


def test_each_draw_without_a_class_is_reported(tmp_path):
    """Only image 2 shows a weed, and one seed of these draws it."""
    for split in ('images', 'labels'):
        (tmp_path / split).mkdir()
    for number in range(3):
        label = np.zeros((8, 8), np.uint8)
        label[2:4] = 1
        label[4:6] = 2 if number == 2 else 255
        Image.fromarray(label).save(tmp_path / f'labels/{number}.png')
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / f'images/{number}.png')
    target = dict(
        type='BaseSegDataset',
        img_suffix='.png',
        metainfo=dict(classes=('soil', 'crop', 'weed')),
        data_root=str(tmp_path),
        data_prefix=dict(img_path='images', seg_map_path='labels'),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='PackSegInputs'),
        ],
    )
    found = unseen_classes(target, [1, 3, 100], range(6))
    drawn = [f'1 labels, seed {seed}: no labeled image shows weed;' for seed in range(6)]
    expected = [line for line in drawn if any(text.startswith(line) for text in found)]
    assert 0 < len(expected) < 6
    assert len(found) == len(expected)
