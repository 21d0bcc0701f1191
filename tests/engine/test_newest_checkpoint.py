from __future__ import annotations

import os

import pytest
import torch

from mmseg_joint.engine.newest_checkpoint import newest_checkpoint


@pytest.fixture
def save(tmp_path):
    """Write checkpoints one after the other, and perhaps name one in `last_checkpoint`."""

    def write(*steps, named=None, cut=None):
        for age, step in enumerate(steps):
            path = tmp_path / f'iter_{step}.pth'
            torch.save(dict(state_dict=dict(weight=torch.arange(100.0))), path)
            if step == cut:
                path.write_bytes(path.read_bytes()[:-40])
            os.utime(path, (1000 + age, 1000 + age))
        if named is not None:
            (tmp_path / 'last_checkpoint').write_text(f'/moved/since/iter_{named}.pth')
        found = newest_checkpoint(tmp_path)
        assert found is None or found.path == tmp_path / f'iter_{found.step}.pth'
        return found and found.step

    return write


def test_a_folder_without_checkpoints(save, tmp_path):
    assert save() is None
    (tmp_path / 'iter_5.pth').write_bytes(b'')  # killed as it was opened
    (tmp_path / 'best_mIoU_iter_9.pth').write_bytes(b'')
    assert save(named=5) is None
    assert newest_checkpoint(tmp_path / 'nowhere') is None


@pytest.mark.parametrize(
    ('steps', 'named', 'cut', 'expected'),
    [
        ((4, 8, 12), 12, None, 12),
        ((4, 8, 12), 8, None, 12),  # killed before `last_checkpoint` was written
        ((4, 8, 12), 8, 12, 8),  # killed while 12 was written
        ((8, 12), 12, 12, 8),  # killed while 12 was written again, with the best score in it
        ((4,), None, None, 4),  # killed after the very first
        ((4, 8, 12, 5), 5, None, 5),  # 8 and 12 are older: resumed from 4
        ((4, 8, 12, 5, 6), 5, None, 6),
        ((100, 9), 100, None, 100),  # by number, not by name
    ],
)
def test_the_newest_whole_checkpoint(save, steps, named, cut, expected):
    assert save(*steps, named=named, cut=cut) == expected


def test_other_names(tmp_path):
    torch.save({}, tmp_path / 'run+epoch-12.pth')
    torch.save({}, tmp_path / 'iter_99.pth')
    assert newest_checkpoint(tmp_path, 'run+epoch-{}.pth').step == 12
