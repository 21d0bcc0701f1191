from __future__ import annotations

import logging
import os
import pickle
import signal
from multiprocessing import get_context
from types import SimpleNamespace

import pytest
import torch
from mmengine.fileio import get_file_backend
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner import save_checkpoint
from mmseg.registry import HOOKS
from torch import nn

from mmseg_joint.checkpoints import write
from mmseg_joint.checkpoints.write import AtomicBackend, average_buffers
from mmseg_joint.errors import JointError
from tests.ranks import on_ranks

OLD, NEW = b'old' * 1000, b'new' * 100_000


@pytest.fixture
def file(tmp_path):
    """A file that already exists."""
    path = tmp_path / 'iter_1.pth'
    path.write_bytes(OLD)
    return path


def test_a_file_is_written_into_a_new_folder_and_replaced(tmp_path):
    path = tmp_path / 'a/b/iter_1.pth'
    backend = get_file_backend(path, backend_args={'backend': 'atomic'})
    for content in (OLD, NEW):
        backend.put(content, str(path))
        assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize('moment', ['fsync', 'replace'])
def test_a_kill_leaves_the_old_file(file, moment):
    def write():
        setattr(os, moment, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        AtomicBackend().put(NEW, file)

    child = get_context('fork').Process(target=write)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert file.read_bytes() == OLD
    AtomicBackend().put(NEW, file)  # over what the killed process left
    assert [p.read_bytes() for p in file.parent.iterdir()] == [NEW]


def test_removals_wait_for_the_end_of_the_block(file, tmp_path):
    backend = AtomicBackend()
    other = tmp_path / 'iter_2.pth'
    other.write_bytes(OLD)
    with pytest.raises(OSError, match='full'), backend.hold_back_removals():
        backend.remove(file)
        raise OSError('full')
    assert file.exists()
    with backend.hold_back_removals():
        with backend.hold_back_removals():
            backend.remove(other)
        backend.remove(file)
        assert file.exists()
        assert other.exists()
        file.unlink()  # by somebody else
    assert not list(tmp_path.iterdir())


def test_a_rewritten_file_is_not_removed(file):
    backend = AtomicBackend()
    os.utime(file, (1, 1))
    with backend.hold_back_removals():
        backend.remove(file)
        backend.put(NEW, file)
    assert file.read_bytes() == NEW
    backend.remove(file)
    assert not file.exists()


class Runner(SimpleNamespace):
    """As much of mmengine's Runner as the hook needs."""

    is_full = False
    model = torch.nn.Identity()

    def save_checkpoint(self, out_dir, filename, *_, backend_args=None, **__):
        if self.is_full:
            raise JointError('no space left')
        self.backend_args = backend_args
        save_checkpoint({'iter': self.iter}, f'{out_dir}/{filename}', backend_args=backend_args)


@pytest.fixture
def begin(tmp_path, caplog):
    """Make a hook and a runner in a folder, and call the hook as training begins."""

    def make(iteration=0, epoch=0, by_epoch=False, **kwargs):
        hook = HOOKS.build(dict(type='AtomicCheckpointHook', by_epoch=by_epoch, **kwargs))
        hub = MessageHub(f'hub_{tmp_path.name}_{iteration}')
        runner = Runner(iter=iteration, epoch=epoch, work_dir=str(tmp_path), message_hub=hub)
        runner.logger, runner.optim_wrapper = logging.getLogger('hook'), None
        with caplog.at_level(logging.WARNING, 'hook'):
            hook.before_train(runner)
        return hook, runner

    return make


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_last_checkpoint_is_deleted_after_the_next_is_whole(begin, tmp_path):
    hook, runner = begin(max_keep_ckpts=1)
    hook._save_checkpoint(runner)
    runner.iter = 1
    runner.is_full = True
    with pytest.raises(JointError):
        hook._save_checkpoint(runner)
    assert names(tmp_path) == ['iter_1.pth', 'last_checkpoint']
    assert (tmp_path / 'last_checkpoint').read_text().endswith('iter_1.pth')
    runner.is_full = False
    hook, runner = begin(1, max_keep_ckpts=1)
    runner.message_hub.update_info('keep_ckpt_ids', [1])
    hook.before_train(runner)
    hook._save_checkpoint(runner)
    assert names(tmp_path) == ['iter_2.pth', 'last_checkpoint']


def test_the_best_checkpoint_is_deleted_after_the_next_is_whole(begin, tmp_path):
    hook, runner = begin(save_best='mIoU')
    for iteration, score in ((1, 1.0), (3, 0.5), (5, 2.0)):
        runner.iter = iteration
        hook.after_val_epoch(runner, {'mIoU': score})
    runner.iter, runner.is_full = 7, True
    with pytest.raises(JointError):
        hook.after_val_epoch(runner, {'mIoU': 3.0})
    assert names(tmp_path) == ['best_mIoU_iter_5.pth']
    assert torch.load(tmp_path / 'best_mIoU_iter_5.pth')['iter'] == 5


def test_epochs_are_compared_with_epochs(begin, tmp_path, caplog):
    (tmp_path / 'epoch_3.pth').write_bytes(b'PK')
    begin(100, epoch=2, by_epoch=True)
    assert len(caplog.messages) == 1 and 'epoch_3.pth' in caplog.messages[0]
    begin(150, epoch=3, by_epoch=True)
    assert len(caplog.messages) == 1


def test_what_is_not_whole_is_named_and_removed(begin, tmp_path, caplog, monkeypatch):
    files = ['best_mIoU_iter_4.pth.part', 'iter_2.pth', 'iter_9.pth', 'selection.json.part']
    for name in files:
        (tmp_path / name).write_bytes(b'PK')
    with monkeypatch.context() as patch:  # by the main process alone
        patch.setattr(write, 'is_main_process', lambda: False)
        begin(3)
    assert names(tmp_path) == files and not caplog.messages
    begin(4)
    assert caplog.messages == [
        f'best_mIoU_iter_4.pth.part, iter_9.pth in {tmp_path}: incomplete, since writing was in'
        'terrupted or the disk failed. Training goes on from iteration 4.'
    ]
    assert names(tmp_path) == ['iter_2.pth', 'iter_9.pth', 'selection.json.part']
    caplog.clear()
    begin(10)
    assert not caplog.messages


@pytest.mark.parametrize(
    'kwargs', [dict(out_dir='s3://bucket/run'), dict(backend_args=dict(backend='local'))]
)
def test_other_storage_is_left_to_mmengine(kwargs):
    hook = HOOKS.build(dict(type='AtomicCheckpointHook', **kwargs))
    assert hook.backend_args == kwargs.get('backend_args')


@pytest.mark.skipif(
    not hasattr(torch.serialization, 'get_safe_globals'), reason='torch before 2.5 needs none'
)
def test_mmengine_alone_reads_back_what_is_written(tmp_path):
    """As upstream's mmengine resumes, with nothing but torch's own default."""
    before = torch.serialization.get_safe_globals()
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    torch.save({'message_hub': {'log_scalars': {'loss': history}}}, tmp_path / 'iter_1.pth')
    hook = HOOKS.build(dict(type='AtomicCheckpointHook', by_epoch=False))
    torch.serialization.clear_safe_globals()
    try:
        with pytest.raises(pickle.UnpicklingError):
            torch.load(tmp_path / 'iter_1.pth', weights_only=True)
        hook.before_run(Runner())
        content = torch.load(tmp_path / 'iter_1.pth', weights_only=True)
    finally:
        torch.serialization.add_safe_globals(before)
    assert content['message_hub']['log_scalars']['loss'].mean() == 1.5


def statistics(rank: int, times: int) -> dict:
    """A rank's batch norm after it has seen images of its own, and averaged."""
    norm = nn.BatchNorm2d(3)
    torch.manual_seed(rank)
    norm(torch.randn(2, 3, 4, 4))
    norm.register_buffer('images', torch.full((2,), 100 * rank, dtype=torch.uint8))  # a pool's
    own = {name: value.clone() for name, value in norm.state_dict().items()}
    for _ in range(times):
        average_buffers(norm)
    return {'own': own, 'mean': norm.state_dict()}


def test_all_have_the_mean_once_and_twice(tmp_path):
    parts = on_ranks(lambda rank: statistics(rank, times=1), tmp_path, count=3)
    (tmp_path / 'again').mkdir()
    again = on_ranks(lambda rank: statistics(rank, times=2), tmp_path / 'again', count=3)
    for name in ('running_mean', 'running_var'):
        own = torch.stack([part['own'][name] for part in parts])
        assert not torch.equal(own[0], own[1])
        torch.testing.assert_close(parts[0]['mean'][name], own.mean(dim=0))
        assert all(torch.equal(part['mean'][name], parts[0]['mean'][name]) for part in parts)
        assert torch.equal(again[0]['mean'][name], parts[0]['mean'][name])
    assert all(part['mean']['num_batches_tracked'] == 1 for part in parts)
    assert [part['mean']['images'].tolist() for part in parts] == [[0, 0], [100, 100], [200, 200]]


def test_the_mean_of_equal_buffers_is_exact(monkeypatch):
    def mean_of_seven(values, op):
        values.copy_(sum([values] * 7) / 7)

    monkeypatch.setattr(write, 'is_distributed', lambda: True)
    monkeypatch.setattr(write, 'all_reduce', mean_of_seven)
    norm = nn.BatchNorm2d(1000)
    norm.running_mean.normal_()
    wanted = norm.running_mean.clone()
    average_buffers(norm)
    assert torch.equal(norm.running_mean, wanted)


@pytest.mark.parametrize('begins', ['before_val_epoch', '_save_checkpoint'])
def test_what_is_validated_and_saved_is_averaged(begin, monkeypatch, begins):
    averaged = []
    hook, runner = begin()
    runner.optim_wrapper = SimpleNamespace(
        average_accumulated_gradients=lambda: averaged.append('gradients')
    )
    monkeypatch.setattr(write, 'average_buffers', averaged.append)
    getattr(hook, begins)(runner)
    assert averaged == [runner.model, *(['gradients'] if 'save' in begins else [])]


def test_alone_nothing_changes():
    found = statistics(0, times=1)
    assert all(torch.equal(found['mean'][name], value) for name, value in found['own'].items())
