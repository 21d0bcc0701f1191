from __future__ import annotations

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import CosineAnnealingLR, PolyLR
from mmengine.runner import save_checkpoint
from mmseg.registry import HOOKS

from mmseg_joint.errors import JointError


class Runner(SimpleNamespace):
    """As much of mmengine's Runner as the hook asks for."""

    is_full = False
    model = torch.nn.Identity()

    def save_checkpoint(self, out_dir, filename, *_, backend_args=None, **__):
        if self.is_full:
            raise JointError('no space left')
        self.backend_args = backend_args
        save_checkpoint({'iter': self.iter}, f'{out_dir}/{filename}', backend_args=backend_args)


@pytest.fixture
def begin(tmp_path, caplog):
    """Make a hook and a runner in a folder, and call the former as training begins."""

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


def test_what_is_not_whole_is_named_and_cleared_away(begin, tmp_path, caplog):
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


def schedule(end, by_network):
    network = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    kinds = [
        PolyLR(optimizer, power=0.9, begin=0, end=end, by_epoch=False),
        CosineAnnealingLR(optimizer, begin=0, end=end, by_epoch=False),
    ]
    return ({'segmentor': kinds} if by_network else kinds), kinds, optimizer


@pytest.mark.parametrize('by_network', [True, False])
@pytest.mark.parametrize('kind', [0, 1])
def test_a_resumed_schedule_ends_where_the_config_ends_it_now(kind, by_network):
    _, kinds, optimizer = schedule(10, by_network)
    for _ in range(5):
        optimizer.step()
        kinds[kind].step()
    states = [other.state_dict() for other in kinds]
    checkpoint = dict(param_schedulers={'segmentor': states} if by_network else states)
    half = optimizer.param_groups[0]['lr']

    schedules, kinds, optimizer = schedule(20, by_network)
    optimizer.param_groups[0]['lr'] = half  # from the checkpoint, too
    hook = HOOKS.build(dict(type='AtomicCheckpointHook', by_epoch=False))
    hook.after_load_checkpoint(Runner(_resume=False, param_schedulers=schedules), checkpoint)
    assert states[0]['end'] == 10  # only its weights are read
    hook.after_load_checkpoint(Runner(_resume=True, param_schedulers=schedules), checkpoint)
    kinds[kind].load_state_dict(states[kind])
    rates = []
    for _ in range(14):
        optimizer.step()
        kinds[kind].step()
        rates.append(optimizer.param_groups[0]['lr'])
    steps = np.arange(6, 20)
    part = (19 - steps) / (19 - 5) if kind == 0 else 1 + np.cos(np.pi * steps / 20)
    start = 1.0 if kind == 0 else 1 + np.cos(np.pi * 5 / 20)
    expected = half * (part / start) ** (0.9 if kind == 0 else 1.0)
    np.testing.assert_allclose(rates, expected, rtol=1e-6, atol=1e-12)


def test_a_schedule_that_has_come_down_to_0_stays_there_and_says_so(caplog):
    _, kinds, optimizer = schedule(10, by_network=False)
    for _ in range(9):
        optimizer.step()
        kinds[0].step()
    hook = HOOKS.build(dict(type='AtomicCheckpointHook', by_epoch=False))

    def resume(end):
        caplog.clear()
        own = schedule(end, by_network=False)[0][:1]
        runner = Runner(_resume=True, param_schedulers=own, logger=logging.getLogger('hook'))
        with caplog.at_level(logging.WARNING, 'hook'):
            hook.after_load_checkpoint(runner, dict(param_schedulers=[kinds[0].state_dict()]))
        return caplog.messages

    (said,) = resume(20)
    assert 'ended at iteration 10, at a learning rate of 0' in said and 'load_from' in said
    assert resume(10) == []  # only to validate


def test_networks_that_the_checkpoint_has_not_are_left_alone():
    schedules = schedule(10, by_network=True)[0]
    hook = HOOKS.build(dict(type='AtomicCheckpointHook', by_epoch=False))
    runner = Runner(_resume=True, param_schedulers=schedules)
    for states in (dict(param_schedulers={'other': []}), dict(param_schedulers=[]), {}):
        hook.after_load_checkpoint(runner, states)


def test_without_schedules_there_is_nothing_to_lengthen():
    hook = HOOKS.build(dict(type='AtomicCheckpointHook', by_epoch=False))
    hook.after_load_checkpoint(Runner(_resume=True, param_schedulers=None), {})
