from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint.checks.pipelines import check_pipelines
from mmseg_joint.errors import JointError

LOAD, PACK = dict(type='LoadImageFromFile'), dict(type='PackSegInputs')
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
