from __future__ import annotations

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.optim import CosineAnnealingLR, PolyLR
from mmseg.registry import HOOKS


def runner(resume, schedules):
    return SimpleNamespace(
        _resume=resume, param_schedulers=schedules, logger=logging.getLogger('hook')
    )


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
    hook = HOOKS.build(dict(type='ScheduleExtensionHook'))
    hook.after_load_checkpoint(runner(False, schedules), checkpoint)
    assert states[0]['end'] == 10  # only its weights are read
    hook.after_load_checkpoint(runner(True, schedules), checkpoint)
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


def test_a_schedule_that_has_decayed_to_0_stays_there_and_warns(caplog):
    _, kinds, optimizer = schedule(10, by_network=False)
    for _ in range(9):
        optimizer.step()
        kinds[0].step()
    hook = HOOKS.build(dict(type='ScheduleExtensionHook'))

    def resume(end):
        caplog.clear()
        own = schedule(end, by_network=False)[0][:1]
        with caplog.at_level(logging.WARNING, 'hook'):
            states = [kinds[0].state_dict()]
            hook.after_load_checkpoint(runner(True, own), dict(param_schedulers=states))
        return caplog.messages

    (warning,) = resume(20)
    assert 'ended at iteration 10, at a learning rate of 0' in warning and 'load_from' in warning
    assert resume(10) == []  # only to validate


def test_schedules_that_the_checkpoint_or_the_config_lacks_are_left_alone():
    schedules = schedule(10, by_network=True)[0]
    hook = HOOKS.build(dict(type='ScheduleExtensionHook'))
    for states in (dict(param_schedulers={'other': []}), dict(param_schedulers=[]), {}):
        hook.after_load_checkpoint(runner(True, schedules), states)
    hook.after_load_checkpoint(runner(True, None), {})
