"""The folder of written labels."""

from __future__ import annotations

import numpy as np
from PIL import Image

from mmseg_joint.datasets import WrittenDataset
from mmseg_joint.writing.label_folder import LabelFolder


def test_images_are_found_from_a_folder_behind_a_link(tmp_path):
    images, disk = tmp_path / 'data/images', tmp_path / 'disk/far/away'
    images.mkdir(parents=True)
    disk.mkdir(parents=True)
    (tmp_path / 'work_dirs').symlink_to(disk)
    Image.new('RGB', (4, 3)).save(images / 'a.png')
    folder = LabelFolder(tmp_path / 'work_dirs/labels', ('road',), [[0, 0, 0]])
    folder.write_label('a', np.zeros((3, 4), np.uint8))
    folder.finish(str(images), '.png', ['a'])
    (info,) = list(WrittenDataset(str(tmp_path / 'work_dirs/labels'), pipeline=[]))
    assert Image.open(info['img_path']).size == (4, 3)
