from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint.study.length import scaled, set_length

WARM_UP = dict(type='LinearLR', begin=0, end=1500, by_epoch=False)
DECAY = dict(type='PolyLR', begin=1500, power=0.9, by_epoch=False)


def config(schedule):
    hooks = dict(logger=dict(type='LoggerHook', interval=50))
    train = dict(max_iters=20_000, val_interval=2000)
    return Config(dict(train_cfg=train, param_scheduler=schedule, default_hooks=hooks))


def test_everything_that_counts_iterations_is_scaled():
    cfg = config([WARM_UP, DECAY])
    set_length(cfg, 200)
    assert (cfg.train_cfg.max_iters, cfg.train_cfg.val_interval) == (200, 200)
    assert cfg.default_hooks.logger.interval == 20
    warm_up, decay = cfg.param_scheduler
    assert (warm_up.begin, warm_up.end, decay.begin) == (0, 15, 15)
    assert decay.power == 0.9 and 'end' not in decay
    cfg = config([WARM_UP, DECAY])
    set_length(cfg, 2000)
    assert cfg.default_hooks.logger.interval == 50  # never less often than before


@pytest.mark.parametrize('form', [list, dict])
def test_schedules_of_several_networks_and_of_one(form):
    steps = dict(type='MultiStepLR', milestones=[8, 12], by_epoch=False)
    if form is list:
        assert scaled(steps, 0.5) == [{**steps, 'milestones': [4, 6]}]
    else:
        found = scaled(dict(segmentor=steps, gan=[dict(steps, milestones=[4])]), 0.5)
        assert found['segmentor'] == [{**steps, 'milestones': [4, 6]}]
        assert found['gan'][0]['milestones'] == [2]
    assert steps['milestones'] == [8, 12]


def test_a_warm_up_is_never_too_short():
    (warm_up, decay) = scaled([WARM_UP, DECAY], 1e-5)
    assert (warm_up['end'], decay['begin']) == (2, 2)
    assert scaled([dict(DECAY, begin=9)], 0.4)[0]['begin'] == 4  # rounded
    assert scaled(None, 0.5) == []


def test_counts_may_be_written_as_floats():
    long = [
        dict(WARM_UP, end=1.5e3),
        dict(DECAY, type='MultiStepLR', begin=1.5e3, milestones=[8e4]),
    ]
    warm_up, decay = scaled([*long], 0.01)
    assert (warm_up['end'], decay['begin'], decay['milestones']) == (15, 15, [800])
