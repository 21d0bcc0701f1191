from __future__ import annotations

from types import SimpleNamespace

from mmseg_joint.doctor.overlap import find_overlaps
from mmseg_joint.doctor.report import Report


class Part(SimpleNamespace):
    labeled = True

    def __len__(self):
        return len(self.paths)

    @property
    def dataset(self):
        return SimpleNamespace(get_data_info=lambda index: dict(img_path=str(self.paths[index])))


def test_a_copy_is_found_although_another_image_is_missing(tmp_path):
    for name, content in (('a', b'one'), ('b', b'two'), ('copy', b'two')):
        (tmp_path / name).write_bytes(content)
    trained = Part(key='train_dataloader.dataset', name='x', paths=[tmp_path / 'a', tmp_path / 'b'])
    scored = Part(
        key='val_dataloader.dataset', name='val', paths=[tmp_path / 'gone', tmp_path / 'copy']
    )
    report = Report()
    find_overlaps([trained, scored], report)
    (problem,) = report.problems
    assert 'val_dataloader.dataset: 1 of its 1 images are also in train_dataloader' in problem
