from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint.study.same_training import first_difference


def config(head, root='data', **more):
    model = dict(decode_head=dict(type=head), **more)
    return Config(dict(model=model, val_dataloader=dict(data_root=root)))


@pytest.mark.parametrize('names', [('SegformerHead', 'FastSegformerHead'), ('FCNHead', 'FCNHead')])
def test_runs_that_compute_the_same_are_the_same(names):
    before, now = names
    assert first_difference(config(before), config(now, root='elsewhere', neck=None)) is None
    assert first_difference(config(now), config(before)) is None


def test_other_classes_differ():
    found = first_difference(config('SegformerHead'), config('FCNHead'))
    assert found == ('model.decode_head.type', 'SegformerHead', 'FCNHead')
