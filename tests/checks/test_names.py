from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint.checks.names import check_names
from mmseg_joint.errors import JointError

OWN = ('my_train_dataloader', 'crop_size', 'train_pipeline', 'test_pipeline', 'vis_backends')


@pytest.mark.parametrize(
    ('typed', 'meant'),
    [
        ('train_dataloder', 'train_dataloader'),
        ('param_schedulers', 'param_scheduler'),
        ('default_hook', 'default_hooks'),
        ('val_evaluater', 'val_evaluator'),
    ],
)
def test_a_letter_too_few_or_too_many(typed, meant):
    with pytest.raises(JointError, match=rf'has {typed}, .*did you mean {meant}\?'):
        check_names(Config({typed: dict()}))


@pytest.mark.parametrize('key', [*OWN, 'stages', 'compile', 'tta_pipeline', 'train_dataloader'])
def test_variables_and_sections_pass(key):
    check_names(Config({key: dict()}))
