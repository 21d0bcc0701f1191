from __future__ import annotations

from types import SimpleNamespace

import pytest

from mmseg_joint.doctor.overlap import find_overlaps
from mmseg_joint.doctor.report import Report


class Part(SimpleNamespace):
    labeled = True

    def __len__(self):
        return len(self.paths)

    @property
    def dataset(self):
        return SimpleNamespace(get_data_info=lambda index: dict(img_path=str(self.paths[index])))


@pytest.mark.parametrize('labeled', [True, False])
def test_a_copy_is_found_although_another_image_is_missing(tmp_path, capsys, labeled):
    for name, content in (('a', b'one'), ('b', b'two'), ('copy', b'two')):
        (tmp_path / name).write_bytes(content)
    trained = Part(key='train_dataloader.dataset', name='x', paths=[tmp_path / 'a', tmp_path / 'b'])
    scored = Part(
        key='val_dataloader.dataset', name='val', paths=[tmp_path / 'gone', tmp_path / 'copy']
    )
    trained.labeled = labeled
    for paths, how in ((scored.paths, ' under'), ([tmp_path / 'b', tmp_path / 'new'], '')):
        (tmp_path / 'new').write_bytes(b'six')
        report, scored.paths = Report(), paths
        find_overlaps([trained, scored], report)
        number = sum(path.exists() for path in paths)
        fact = f'1 of its {number} images are also in train_dataloader.dataset{how}'
        (said,) = report.problems if labeled else [capsys.readouterr().out]
        assert fact in said and ('without their labels' in said) != labeled
        assert labeled or not report.problems
