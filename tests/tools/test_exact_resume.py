"""Resuming is bit-exact, wherever the run was killed."""

from __future__ import annotations

import errno
import os
import signal
from functools import partial

import pytest
import torch
from mmengine.config import Config

from mmseg_joint.checkpoints import write
from tests.conftest import roots_in
from tests.tiny_configs import ROOT, tiny
from tests.tools.running import train

STEPS, WINDOW = 8, 3  # the last window has two steps
CROP, COLORS = (40, 56), 'PhotoMetricDistortion'


@pytest.fixture(scope='module')
def config(drawn_roots, tmp_path_factory):
    """Several optimizers, augmentation, dropout, label noise, accumulation, two workers."""
    place = tmp_path_factory.mktemp('exact')
    cfg = tiny(ROOT / 'configs/hrs_fcn8s_streets.py', roots_in(drawn_roots), place / 'whole')
    cfg.model.backbone.dropout_ratio = 0.5
    cfg.model.objectives.gan.update(real_label=(0.7, 1.2), fake_label=(0.0, 0.3))
    cfg.optim_wrapper.update(dtype='float32', accumulative_counts=WINDOW)
    cfg.train_dataloader.num_workers = 2
    for domain in cfg.train_dataloader.dataset.domains.values():
        pipeline = domain.get('dataset', domain).pipeline
        pipeline[-1:-1] = [dict(type='RandomCrop', crop_size=CROP), dict(type=COLORS)]
    cfg.train_cfg.update(max_iters=STEPS, val_interval=4)
    cfg.default_hooks.checkpoint.update(interval=1, max_keep_ckpts=2, save_best='mIoU')
    cfg.custom_imports.imports.append('tests.tools.stopping')
    path = place / 'exact.py'
    cfg.dump(path)
    return path


@pytest.fixture(scope='module')
def whole(config):
    """The work dir of an uninterrupted run."""
    assert train(config) == 0
    return config.with_name('whole')


def killed_after(config, folder, step) -> None:
    cfg = Config.fromfile(config)
    cfg.custom_hooks.append(dict(type='StopHook', folder=folder.name, step=step, kill=True))
    cfg.dump(config.with_name(f'{folder.name}.py'))
    status = train(config.with_name(f'{folder.name}.py'), '--work-dir', folder)
    assert status == -signal.SIGKILL


def killed_while_writing(config, folder, count) -> None:
    """Kill a run when half of its count-th file is on the disk."""

    def prepare():
        written = []

        def fsync(handle):
            written.append(os.fstat(handle).st_size)
            if len(written) == count:
                os.ftruncate(handle, written[-1] // 2)
                os.kill(os.getpid(), signal.SIGKILL)

        write._flush_folder = lambda folder: None
        os.fsync = fsync

    status = train(config, '--work-dir', folder, prepare=prepare)
    assert status == -signal.SIGKILL


def state(folder) -> dict:
    return torch.load(folder / f'iter_{STEPS}.pth', weights_only=False)


def same(got, expected) -> bool:
    if isinstance(expected, dict):
        return got.keys() == expected.keys() and all(same(got[k], expected[k]) for k in expected)
    if isinstance(expected, (list, tuple)):
        return len(got) == len(expected) and all(map(same, got, expected))
    return torch.equal(got, expected) if torch.is_tensor(expected) else got == expected


def assert_resumed_exactly(config, folder, whole, capfd) -> str:
    """Resume, compare weights and optimizers, and return the output."""
    capfd.readouterr()
    assert train(config, '--work-dir', folder, '--resume') == 0
    said = ''.join(capfd.readouterr())
    expected, got = state(whole), state(folder)
    for name, value in expected['state_dict'].items():
        assert torch.equal(got['state_dict'][name], value), name
    assert same(got['optimizer'], expected['optimizer'])
    assert same(got['param_schedulers'], expected['param_schedulers'])
    files = {path.name for path in whole.glob('*.pth*')}
    assert {path.name for path in folder.glob('*.pth*')} == files
    return said


def test_killed_runs_end_with_the_weights_of_the_whole_one(config, whole, tmp_path, capfd):
    kept = {f'iter_{STEPS - 1}.pth', f'iter_{STEPS}.pth'}
    assert kept < {path.name for path in whole.glob('*.pth')}
    assert len(list(whole.glob('best_*.pth'))) == 1
    pending = torch.load(whole / f'iter_{STEPS - 1}.pth', weights_only=False)['optimizer']
    assert any(gradient.any() for gradient in pending['accumulated_gradients'])
    assert 'accumulated_gradients' not in state(whole)['optimizer']

    # resumed at 2 and 7, inside windows (7 in the short one); at 3, between two
    for step in (3, 4, 8):
        folder = tmp_path / f'after_{step}'
        killed_after(config, folder, step)
        assert (folder / 'last_checkpoint').read_text().endswith(f'iter_{step - 1}.pth')
        said = assert_resumed_exactly(config, folder, whole, capfd)
        assert 'incomplete, since' not in said
        assert 'gradient of some iterations is lost' not in said

    # while iter_4 is written again, after its validation was the best
    folder = tmp_path / 'writing'
    killed_while_writing(config, folder, 6)
    (half,) = folder.glob('*.part')
    assert half.stat().st_size > 0
    said = assert_resumed_exactly(config, folder, whole, capfd)
    assert f'{half.name} in {folder}: incomplete, since' in said
    assert 'Training goes on from iteration 4.' in said


def test_checkpoints_spoiled_by_the_disk_are_skipped(config, whole, tmp_path, capfd):
    cut, full = tmp_path / 'cut', tmp_path / 'full'
    killed_after(config, cut, 6)
    newest = cut / 'iter_5.pth'
    newest.write_bytes(newest.read_bytes()[:-1000])
    said = assert_resumed_exactly(config, cut, whole, capfd)
    assert f'iter_5.pth in {cut}: incomplete, since' in said
    assert 'Training goes on from iteration 4.' in said

    cfg = Config.fromfile(config)
    cfg.default_hooks.checkpoint.max_keep_ckpts = 1
    cfg.dump(tmp_path / 'one_file.py')
    fill = partial(setattr, write, 'open', full_after(4))
    status = train(tmp_path / 'one_file.py', '--work-dir', full, prepare=fill)
    assert status == 2
    error = capfd.readouterr().err.strip().splitlines()[-1]
    assert error.startswith(f'error: {full}/iter_4.pth could not be written (No space left')
    assert [path.name for path in full.glob('*.pth*')] == ['iter_3.pth']
    assert_resumed_exactly(config, full, whole, capfd)


def full_after(count):
    """Return an `open` whose count-th file takes half of what is written."""
    opened = []

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def write(self, content):
            self.file.write(content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def open_file(*args):
        opened.append(args)
        kind = Full if len(opened) == count else lambda file: file
        return kind(open(*args))

    return open_file
