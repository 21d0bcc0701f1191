from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint.engine.config_checks import (
    check_followers,
    check_numbers,
    check_parts,
    check_schedule,
)
from mmseg_joint.errors import JointError
from tests.models.objectives.seam_objectives import SeamAverage

ADAM = dict(optimizer=dict(type='Adam'))


def test_parts():
    cfg = Config(dict(model=dict(a=1), test_dataloader=dict(a=1), test_cfg=dict(a=1)))
    with pytest.raises(JointError, match=r'has no test_evaluator: add it, or name .* to test'):
        check_parts(cfg, 'test')
    cfg.test_evaluator = dict(type='IoUMetric')
    check_parts(cfg, 'test')
    with pytest.raises(JointError, match='has no train_dataloader, train_cfg, optim_wrapper'):
        check_parts(cfg, 'train')


@pytest.mark.parametrize(
    ('key', 'good', 'bad', 'told'),
    [
        ('train_cfg.max_iters', [1, 2e4, None], [0, -1, 1.5, '9', True, [1]], 'number from 1'),
        ('train_cfg.val_interval', [1], [0], 'from 1'),
        ('val_dataloader.num_workers', [0], [-1], 'from 0'),
        ('test_dataloader.batch_size', [1], [0], 'from 1'),
        ('optim_wrapper.accumulative_counts', [1, None], [0, 'x'], 'from 1'),
        ('randomness.seed', [0, 2**32 - 1, None], [-1, 2**32, 'a'], 'from 0 to 4294967295'),
    ],
)
def test_numbers(key, good, bad, told):
    part, name = key.split('.')
    for value in good:
        check_numbers(Config({part: {name: value}}))
    for value in bad:
        with pytest.raises(JointError, match=rf'^{part}\.{name} is .*: give a whole .*{told}\.$'):
            check_numbers(Config({part: {name: value}}))


def test_numbers_of_parts_that_are_not_there():
    check_numbers(Config(dict(train_cfg=None)))


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
    check_schedule(cfg)
    for same in ([dict(type='PolyLR')], dict(type='PolyLR')):
        cfg.param_scheduler = same
        check_schedule(cfg)
    schedule = {'segmentor': [], 'gan.generator': []}
    cfg.param_scheduler = schedule
    with pytest.raises(JointError, match=r'no schedule for gan\.discriminator: add'):
        check_schedule(cfg)
    schedule['gan.discriminator'] = []
    cfg.param_scheduler = schedule
    check_schedule(cfg)
    cfg.param_scheduler = {**schedule, 'gan.generater': []}
    with pytest.raises(
        JointError, match=r'schedule for gan\.generater, but optim_wrapper has only'
    ):
        check_schedule(cfg)


@pytest.mark.parametrize('kind', ['SeamAverage', SeamAverage])
def test_who_moves_with_every_step_needs_to_be_told(kind):
    objectives = dict(mix=dict(type='SeamMix'), gone=None, average=dict(type=kind))
    cfg = Config(dict(model=dict(objectives=objectives), optim_wrapper=dict(type='OptimWrapper')))
    with pytest.raises(JointError, match=r'objectives\.average moves .*constructor=.*: set it\.'):
        check_followers(cfg)
    cfg.optim_wrapper.constructor = 'JointOptimWrapperConstructor'
    check_followers(cfg)
    cfg = Config(dict(model=dict(objectives=dict(mix=dict(type='SeamMix'))), optim_wrapper={}))
    check_followers(cfg)
