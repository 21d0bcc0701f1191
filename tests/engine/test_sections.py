from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint.engine.sections import check_names, check_sections
from mmseg_joint.errors import JointError

OWN = (
    'my_train_dataloader',
    'a_val_dataloader',
    'crop_size',
    'train_pipeline',
    'test_pipeline',
    'vis_backends',
)


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (dict(model=dict(objectives='x')), r"^model\.objectives is 'x': give a dict"),
        (dict(train_dataloader=dict(dataset=dict(domains=[1]))), r'domains is \[1\]: give a dict'),
        (dict(load_from=True), 'load_from is True: give the path of a checkpoint'),
        (dict(env_cfg=None), r'env_cfg is None: delete the key, or give env_cfg=dict\(\)'),
        (dict(randomness=None), r'randomness is None: delete the key, or give randomness=dict\(\)'),
        (
            dict(train_dataloader=dict(sampler=dict(samples_per_domain=[1]))),
            r'samples_per_domain is \[1\]: give a dict',
        ),
        (dict(log_level='LOUD'), "log_level is 'LOUD': choose from DEBUG, INFO"),
        (dict(default_hooks=dict(images=None)), r'default_hooks\.images is None'),
        (dict(custom_hooks=dict(type='A')), 'custom_hooks is .*: give a list'),
    ],
)
def test_sections_of_the_wrong_type(config, message):
    with pytest.raises(JointError, match=message):
        check_sections(Config(config))


def test_sections_that_may_be_left_out():
    check_sections(Config(dict(model=dict(objectives=None), train_cfg=None, custom_hooks=None)))
    check_sections(Config(dict(log_level='INFO', default_hooks=dict(timer=None), env_cfg=dict())))
    check_sections(Config(dict(log_level=10)))


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


def test_keys_of_a_data_loader():
    loader = dict(batch_size=1, dataset=dict(), collate_fn=dict(), num_batch_per_epoch=2)
    check_names(Config(dict(val_dataloader=loader, test_dataloader=None)))
    with pytest.raises(JointError, match=r'val_dataloader has batch_sise, .*did you mean batch_si'):
        check_names(Config(dict(val_dataloader=dict(loader, batch_sise=1))))
    with pytest.raises(JointError, match='val_dataloader has x, which nothing reads: delete'):
        check_names(Config(dict(val_dataloader=dict(loader, x=1))))
