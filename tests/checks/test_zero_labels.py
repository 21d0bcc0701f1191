from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint.checks.zero_labels import check_zero_labels
from mmseg_joint.errors import JointError

LOAD = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
PLAIN = dict(type='BaseSegDataset', pipeline=LOAD)
MOVED = dict(PLAIN, reduce_zero_label=True)
IN_THE_LOADER = dict(
    type='BaseSegDataset', pipeline=[dict(type='LoadAnnotations', reduce_zero_label=True)]
)
BY_DEFAULT = dict(type='ADE20KDataset', pipeline=LOAD)


def config(source, target, **more):
    domains = dict(source=source, target=target, **more)
    return Config(dict(train_dataloader=dict(dataset=dict(type='JointDataset', domains=domains))))


@pytest.mark.parametrize('moved', [MOVED, IN_THE_LOADER, BY_DEFAULT, [MOVED]])
def test_one_domain_that_moves_its_labels(moved):
    with pytest.raises(JointError, match=r'source.* has reduce_zero_label=True and .*target not'):
        check_zero_labels(config(moved, PLAIN))
    subset = dict(type='LabelSubset', count=1, dataset=PLAIN)
    with pytest.raises(JointError, match=r'target\.dataset not'):
        check_zero_labels(config(moved, subset))


def test_all_or_none_may_and_unread_labels_do_not_count():
    check_zero_labels(config(PLAIN, PLAIN))
    check_zero_labels(config(MOVED, BY_DEFAULT))
    check_zero_labels(config(PLAIN, PLAIN, unlabeled=MOVED))
    check_zero_labels(config(PLAIN, PLAIN, more=dict(type='Unlabeled', dataset=MOVED)))


def test_the_validation_set_must_fit_too():
    cfg = config(PLAIN, PLAIN)
    cfg.val_dataloader = dict(dataset=MOVED)
    with pytest.raises(JointError, match=r'val_dataloader\.dataset has reduce_zero_label=True'):
        check_zero_labels(cfg)
