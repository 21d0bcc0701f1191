from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint.checks.pipelines import check_pipelines, check_zero_labels
from mmseg_joint.errors import JointError

LOAD, PACK = dict(type='LoadImageFromFile'), dict(type='PackSegInputs')
LABELS = dict(type='LoadAnnotations')
AUGMENT = dict(type='TestTimeAug', transforms=[[LOAD], [PACK]])


def source(value) -> Config:
    return Config(dict(train_dataloader=dict(dataset=dict(domains=dict(source=value)))))


def test_pipelines_that_pack():
    for steps in ([LOAD, PACK], [LOAD, AUGMENT], [dict(type='of_another_package.Pack')]):
        check_pipelines(source(dict(type='GTADataset', pipeline=steps)))
        check_pipelines(Config(dict(val_dataloader=dict(dataset=dict(pipeline=steps)))))
    inner = dict(type='GTADataset', pipeline=[LOAD])
    check_pipelines(source(dict(type='MultiImageMixDataset', dataset=inner, pipeline=[PACK])))
    check_pipelines(Config(dict(train_dataloader=None)))


@pytest.mark.parametrize(
    ('value', 'message'),
    [
        (dict(pipeline=None), r'source\.pipeline is None: list its steps'),
        (dict(pipeline=['x']), r"source\.pipeline is \['x'\]: list its steps, each a dict"),
        (dict(pipeline=[LOAD]), r'source\.pipeline has no PackSegInputs: end it with dict\(type='),
        (dict(type='GTADataset'), r'source\.pipeline has no PackSegInputs'),
        ([dict(pipeline=[PACK]), dict(pipeline=[])], r'source\.1\.pipeline has no'),
        (dict(dataset=dict(pipeline=[LOAD])), r'source\.dataset\.pipeline has no'),
    ],
)
def test_pipelines_that_do_not(value, message):
    with pytest.raises(JointError, match=message):
        check_pipelines(source(value))


PLAIN = dict(type='BaseSegDataset', pipeline=[LOAD, LABELS])
MOVED = dict(PLAIN, reduce_zero_label=True)
IN_THE_LOADER = dict(type='BaseSegDataset', pipeline=[dict(LABELS, reduce_zero_label=True)])
BY_DEFAULT = dict(type='ADE20KDataset', pipeline=[LOAD, LABELS])


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
    check_zero_labels(config(PLAIN, PLAIN, more=dict(MOVED, labeled=False)))


def test_the_validation_set_must_fit_too():
    cfg = config(PLAIN, PLAIN)
    cfg.val_dataloader = dict(dataset=MOVED)
    with pytest.raises(JointError, match=r'val_dataloader\.dataset has reduce_zero_label=True'):
        check_zero_labels(cfg)
