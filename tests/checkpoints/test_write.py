from __future__ import annotations

import logging
import pickle
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner import save_checkpoint
from mmseg.registry import HOOKS

from mmseg_joint.errors import JointError


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

    def make(iteration=0, **kwargs):
        hook = HOOKS.build(dict(type='AtomicCheckpointHook', by_epoch=False, **kwargs))
        hub = MessageHub(f'hub_{tmp_path.name}_{iteration}')
        runner = Runner(iter=iteration, epoch=0, work_dir=str(tmp_path), message_hub=hub)
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


def test_what_is_not_whole_is_named_and_removed(begin, tmp_path, caplog):
    for name in ('iter_2.pth', 'iter_9.pth', 'best_mIoU_iter_4.pth.part', 'selection.json.part'):
        (tmp_path / name).write_bytes(b'PK')
    begin(4)
    assert caplog.messages == [
        f'best_mIoU_iter_4.pth.part, iter_9.pth in {tmp_path}: not whole, as the writing was cut '
        'short or the disk failed. Training goes on from iteration 4.'
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
