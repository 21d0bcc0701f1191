from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint.checks.schedules import check_ends, check_networks, check_units
from mmseg_joint.errors import JointError

ADAM = dict(optimizer=dict(type='Adam'))


def of_100(scheduler) -> Config:
    return Config(dict(train_cfg=dict(max_iters=100), param_scheduler=scheduler))


def test_schedules():
    cfg = Config(
        dict(
            optim_wrapper=dict(
                constructor='JointOptimWrapperConstructor',
                segmentor=ADAM,
                gan=dict(generator=ADAM, discriminator=ADAM),
            )
        )
    )
    check_networks(cfg)
    for same in ([dict(type='PolyLR')], dict(type='PolyLR')):
        cfg.param_scheduler = same
        check_networks(cfg)
    schedule = {'segmentor': [], 'gan.generator': []}
    cfg.param_scheduler = schedule
    with pytest.raises(JointError, match=r'no schedule for gan\.discriminator: add'):
        check_networks(cfg)
    schedule['gan.discriminator'] = []
    cfg.param_scheduler = schedule
    check_networks(cfg)
    cfg.param_scheduler = {**schedule, 'gan.generater': []}
    with pytest.raises(
        JointError, match=r'schedule for gan\.generater, but optim_wrapper has only'
    ):
        check_networks(cfg)


def test_epochs_and_iterations():
    iterations = dict(type='PolyLR', by_epoch=False)
    check_units(of_100(iterations))
    check_units(of_100([dict(type='PolyLR', convert_to_iter_based=True), iterations]))
    check_units(Config(dict(train_cfg=dict(max_epochs=3), param_scheduler=dict(type='PolyLR'))))
    check_units(Config(dict(train_cfg=None, param_scheduler=None)))
    with pytest.raises(JointError, match=r'^param_scheduler: PolyLR counts epochs, of .* 100 it'):
        check_units(of_100([iterations, dict(type='PolyLR')]))
    both = dict(a=[dict(type='StepLR')], b=[iterations], c=dict(type='StepLR'))
    with pytest.raises(JointError, match=r'^param_scheduler\.a: StepLR counts'):
        check_units(of_100(both))


def test_ends():
    early = dict(type='PolyLR', end=60)
    for good in (
        dict(type='PolyLR'),
        dict(type='PolyLR', end=100),
        dict(type='PolyLR', end=60, eta_min=1e-6),
        dict(type='LinearLR', end=60),
        [dict(type='PolyLR', begin=60, end=100), early],
        [dict(type='PolyLR', begin=60), early],
    ):
        check_ends(of_100(good))
    with pytest.raises(
        JointError, match=r'^param_scheduler: PolyLR ends at iteration 60 and .* 100'
    ):
        check_ends(of_100([early, dict(type='LinearLR', end=10)]))
    with pytest.raises(JointError, match=r'^param_scheduler\.b: '):
        check_ends(of_100(dict(a=[dict(type='PolyLR')], b=[early])))
