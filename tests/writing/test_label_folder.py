"""The folder of written labels."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from mmseg_joint.datasets import WrittenDataset
from mmseg_joint.writing import label_folder
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


def stop(*_, **__):
    raise KeyboardInterrupt


def test_a_folder_is_taken_over_whenever_the_call_before_was_killed(tmp_path, monkeypatch):
    def begin():
        return LabelFolder(tmp_path / 'a', ('road',), [[0, 0, 0]], force=True)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        first = begin()
        patch.setattr(label_folder, 'atomic_write', stop)  # at the list of images
        first.finish(str(tmp_path), '.png', ['a'])
    begin().finish(str(tmp_path), '.png', ['a'])
    (tmp_path / 'a/labels').mkdir()
    remove = shutil.rmtree
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        at_labels = lambda path, **_: stop() if path.name == 'labels' else remove(path, **_)  # noqa: E731
        patch.setattr(shutil, 'rmtree', at_labels)
        begin()
    begin().finish(str(tmp_path), '.png', ['a'])
    left = sorted(path.name for path in (tmp_path / 'a').iterdir())
    assert left == ['dataset.json', 'images.txt']
