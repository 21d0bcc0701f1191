from __future__ import annotations

import os

import pytest
import torch
from mmengine.config import Config

from mmseg_joint.checkpoints.find import (
    broken_files,
    checkpoint_to_resume,
    newest_checkpoint,
    partial_files,
)
from mmseg_joint.errors import JointError


@pytest.fixture
def save(tmp_path):
    """Write checkpoints one after the other, and perhaps name one in `last_checkpoint`."""

    def write(*steps, named=None, cut=None):
        for age, step in enumerate(steps):
            path = tmp_path / f'iter_{step}.pth'
            torch.save(dict(state_dict=dict(weight=torch.arange(1.0, 1000.0))), path)
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
    (tmp_path / 'iter_4.pth').write_bytes(bytes(99))  # the power was cut
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
        ((4, 8, 12, 5), None, None, 5),
        ((100, 9), 100, None, 100),  # by number, not by name
    ],
)
def test_the_newest_whole_checkpoint(save, steps, named, cut, expected):
    assert save(*steps, named=named, cut=cut) == expected


@pytest.mark.parametrize('place', [0.3, 0.6])
def test_a_checkpoint_corrupted_in_its_middle_is_skipped(save, tmp_path, place):
    assert save(4, 8, named=8) == 8
    path = tmp_path / 'iter_8.pth'
    content = bytearray(path.read_bytes())
    middle = int(len(content) * place)
    content[middle : middle + 32] = bytes(32)
    path.write_bytes(content)
    assert newest_checkpoint(tmp_path).step == 4
    assert broken_files(tmp_path, 'iter_{}.pth', after=4) == [path]


def test_a_checkpoint_that_would_run_code_is_not_skipped(save, tmp_path):
    assert save(4, named=4) == 4
    torch.save(dict(hook=print), tmp_path / 'iter_5.pth')
    with pytest.raises(JointError, match=r'iter_5\.pth .*no code of a file is run'):
        newest_checkpoint(tmp_path)


def test_other_names(tmp_path):
    torch.save({}, tmp_path / 'run+epoch-12.pth')
    torch.save({}, tmp_path / 'iter_99.pth')
    assert newest_checkpoint(tmp_path, 'run+epoch-{}.pth').step == 12


def test_what_a_config_resumes(tmp_path):
    work, out = tmp_path / 'run', tmp_path / 'out/run'
    out.mkdir(parents=True)
    work.mkdir()
    hook = dict(by_epoch=False)
    cfg = Config(dict(work_dir=str(work), default_hooks=dict(checkpoint=hook)))
    assert checkpoint_to_resume(cfg) is None
    torch.save({}, work / 'iter_3.pth')
    assert checkpoint_to_resume(cfg) == str(work / 'iter_3.pth')
    torch.save({}, out / 'epoch_7.pth')
    cfg.default_hooks.checkpoint = dict(out_dir=str(tmp_path / 'out'))
    assert checkpoint_to_resume(cfg) == str(out / 'epoch_7.pth')
    cfg.default_hooks.checkpoint = dict(out_dir=str(work), filename_tmpl='my-{}.pth')
    assert checkpoint_to_resume(cfg) is None
    torch.save({}, work / 'my-2.pth')
    assert checkpoint_to_resume(cfg) == str(work / 'my-2.pth')
    (work / 'last_checkpoint').write_text('s3://bucket/run/epoch_9.pth')
    assert checkpoint_to_resume(cfg) == 's3://bucket/run/epoch_9.pth'


def test_what_is_not_whole(tmp_path):
    torch.save({}, tmp_path / 'iter_3.pth')
    for name in ('iter_4.pth', 'iter_5.pth.part', 'best_mIoU_iter_4.pth.part', 'notes.part'):
        (tmp_path / name).write_bytes(b'PK')
    assert broken_files(tmp_path, 'iter_{}.pth', after=2) == [tmp_path / 'iter_4.pth']
    assert broken_files(tmp_path, 'iter_{}.pth', after=4) == []
    names = ['best_mIoU_iter_4.pth.part', 'iter_5.pth.part']
    assert [path.name for path in partial_files(tmp_path, 'iter_{}.pth')] == names


@pytest.mark.parametrize(
    ('work_dir', 'out_dir', 'folder'),
    [('.', 'out', 'out/home'), ('a/..', 'out', 'out/home'), ('run', 'run', 'run/run')],
)
def test_checkpoints_apart_are_in_the_folder_that_mmengine_gives_them(
    tmp_path, monkeypatch, work_dir, out_dir, folder
):
    (tmp_path / 'home' / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / 'home')
    torch.save({}, f'{folder}/epoch_7.pth')
    hooks = dict(checkpoint=dict(out_dir=out_dir))
    cfg = Config(dict(work_dir=work_dir, default_hooks=hooks))
    assert checkpoint_to_resume(cfg) == f'{folder}/epoch_7.pth'
