from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint.checks.values import check_loops, check_needed, check_numbers, check_workers
from mmseg_joint.errors import JointError


def test_parts():
    cfg = Config(dict(model=dict(a=1), test_dataloader=dict(a=1), test_cfg=dict(a=1)))
    with pytest.raises(JointError, match=r'has no test_evaluator: add it, or name .* to test'):
        check_needed(cfg, 'test')
    cfg.test_evaluator = dict(type='IoUMetric')
    check_needed(cfg, 'test')


@pytest.mark.parametrize(
    ('key', 'good', 'bad', 'message'),
    [
        ('train_cfg.max_iters', [1, 2e4, None], [0, -1, 1.5, '9', True, [1]], 'number from 1'),
        ('train_cfg.val_interval', [1], [0], 'from 1'),
        ('val_dataloader.num_workers', [0], [-1], 'from 0'),
        ('test_dataloader.batch_size', [1], [0], 'from 1'),
        ('optim_wrapper.accumulative_counts', [1, None], [0, 'x'], 'from 1'),
        ('randomness.seed', [0, 2**32 - 1, None], [-1, 2**32, 'a'], 'from 0 to 4294967295'),
    ],
)
def test_numbers(key, good, bad, message):
    part, name = key.split('.')
    for value in good:
        check_numbers(Config({part: {name: value}}))
    for value in bad:
        with pytest.raises(
            JointError, match=rf'^{part}\.{name} is .*: give a whole .*{message}\.$'
        ):
            check_numbers(Config({part: {name: value}}))


def test_numbers_of_parts_that_are_not_there():
    check_numbers(Config(dict(train_cfg=None)))


def test_workers_that_persist():
    """As by `--cfg-options train_dataloader.num_workers=0` on a config of ours."""
    none, two = (dict(num_workers=n, persistent_workers=True) for n in (0, 2))
    check_workers(Config(dict(train_dataloader=two, val_dataloader=None)), 'train')
    check_workers(Config(dict(train_dataloader=none, test_dataloader=two)), 'test')
    with pytest.raises(JointError, match=r'^val_dataloader\.persistent_workers is True without'):
        check_workers(Config(dict(train_dataloader=two, val_dataloader=none)), 'train')


def test_validation_is_there_as_a_whole():
    whole = dict(val_dataloader=dict(a=1), val_cfg=dict(), val_evaluator=dict(a=1))
    check_loops(Config(whole))
    check_loops(Config(dict.fromkeys(whole)))
    with pytest.raises(JointError, match=r'^val_dataloader is missing, but val_cfg and val_eval'):
        check_loops(Config({**whole, 'val_dataloader': None}))
    with pytest.raises(JointError, match=r'^test_dataloader and test_evaluator are missing'):
        check_loops(Config(dict(test_cfg=dict())))
