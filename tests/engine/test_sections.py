from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint.engine.sections import check_sections
from mmseg_joint.errors import JointError


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (dict(model=dict(objectives='x')), r"^model\.objectives is 'x': give a dict"),
        (dict(train_dataloader=dict(dataset=dict(domains=[1]))), r'domains is \[1\]: give a dict'),
        (dict(env_cfg=None), r'env_cfg is None: delete the key, or give env_cfg=dict\(\)'),
        (dict(log_level='LOUD'), "log_level is 'LOUD': choose from DEBUG, INFO"),
        (dict(default_hooks=dict(images=None)), r'default_hooks\.images is None'),
        (dict(custom_hooks=dict(type='A')), 'custom_hooks is .*: give a list'),
    ],
)
def test_sections_of_another_kind(config, message):
    with pytest.raises(JointError, match=message):
        check_sections(Config(config))


def test_sections_that_may_be_left_out():
    check_sections(Config(dict(model=dict(objectives=None), train_cfg=None, custom_hooks=None)))
    check_sections(Config(dict(log_level='INFO', default_hooks=dict(timer=None), env_cfg=dict())))
    check_sections(Config(dict(log_level=10)))
