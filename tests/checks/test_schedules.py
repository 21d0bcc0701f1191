from __future__ import annotations

import math

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import LinearLR

from mmseg_joint.checks.schedules import (
    check_begins,
    check_ends,
    check_lengths,
    check_networks,
    check_units,
    check_warm_ups,
    rate_left,
)
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
    with pytest.raises(JointError, match=r'^param_scheduler: PolyLR counts epochs, but .* 100 it'):
        check_units(of_100([iterations, dict(type='PolyLR')]))
    both = dict(a=[dict(type='StepLR')], b=[iterations], c=dict(type='StepLR'))
    with pytest.raises(JointError, match=r'^param_scheduler\.a: StepLR counts'):
        check_units(of_100(both))


def test_a_plateau_counts_validations():
    plateau = dict(type='ReduceOnPlateauLR', monitor='mIoU', rule='greater')
    check_units(of_100(plateau))
    with pytest.raises(JointError, match=r'^param_scheduler: ReduceOnPlateauLR counts validations'):
        check_units(of_100(dict(plateau, by_epoch=False)))


def test_a_warm_up_of_one_iteration():
    schedule = dict(type='LinearLR', start_factor=1e-6, end=1, by_epoch=False)
    message = r'^param_scheduler: LinearLR has one iteration, 0, .* at 1e-06 of .* its end to 2 or'
    with pytest.raises(JointError, match=message):
        check_warm_ups(of_100([schedule, dict(type='PolyLR', begin=1)]))
    for good in (dict(end=2), dict(start_factor=1.0), dict(type='ConstantLR'), dict(end=None)):
        check_warm_ups(of_100([schedule | good]))
    for end, reached in ((1, 1e-6), (2, 1.0)):  # what mmengine does
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        warm_up = LinearLR(optimizer, start_factor=1e-6, end=end, by_epoch=False)
        for _ in range(3):
            optimizer.step()
            warm_up.step()
        assert optimizer.param_groups[0]['lr'] == pytest.approx(reached)


def test_ends():
    early = dict(type='PolyLR', end=60)
    for good in (
        dict(type='PolyLR'),
        dict(type='PolyLR', end=100),
        dict(type='PolyLR', end=60, eta_min=1e-6),
        dict(type='CosineAnnealingLR', end=60, eta_min_ratio=0.1),
        dict(type='PolyLR', end=60, convert_to_iter_based=True),  # 60 epochs
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


@pytest.mark.parametrize(
    ('schedule', 'left'),
    [
        (dict(type='PolyLR', power=0.9, end=160), (1 - 80 / 160) ** 0.9),
        (dict(type='PolyLR', begin=40, end=200), 1 - 40 / 160),
        (dict(type='PolyLR', begin=100, end=160), 1.0),
        (dict(type='CosineAnnealingLR', end=320), 0.5 + 0.5 * math.cos(math.pi / 4)),
        (dict(type='PolyLR', end=80), 0.0),
        (dict(type='PolyLR'), 0.0),
        (dict(type='MultiStepLR', end=160), 0.0),
    ],
)
def test_what_is_left_of_the_learning_rate(schedule, left):
    assert rate_left(schedule, 80) == pytest.approx(left)


def test_a_schedule_that_has_hardly_decayed():
    cfg = Config(dict(train_cfg=dict(max_iters=8000)))
    cfg.param_scheduler = [dict(type='PolyLR', end=160_000, by_epoch=False)]
    with pytest.raises(JointError, match='stops at 8,000, at 95% of the learning rate: write'):
        check_lengths(cfg)
    cfg.train_cfg.max_iters = 48_000
    with pytest.raises(JointError, match='at 70% of the learning rate'):
        check_lengths(cfg)
    cfg.train_cfg.max_iters = 80_000  # papers that stop early
    check_lengths(cfg)
    cfg.param_scheduler = [dict(type='PolyLR', begin=1500, by_epoch=False)]
    cfg.train_cfg.max_iters = 1000
    with pytest.raises(JointError, match=r'begins at iteration 1,500 .* 1,000.*1\.begin=100\.'):
        check_begins(cfg)
    cfg.train_cfg.max_iters = 6
    cfg.param_scheduler = [dict(type='PolyLR', begin=2, by_epoch=False)]
    check_begins(cfg)  # what it proposes
    cfg.param_scheduler[0].begin = 6
    with pytest.raises(JointError, match=r'0\.end=2 param_scheduler\.1\.begin=2\.'):
        check_begins(cfg)
    cfg.train_cfg.max_iters = 2
    with pytest.raises(JointError, match=r'max_iters is 2\): train longer\.'):
        check_begins(cfg)
