from __future__ import annotations

import re

import pytest
from mmengine.config import Config
from mmseg.registry import METRICS, MODELS

from mmseg_joint.checks.parts import build, check_parts, check_refusal, parts_of
from mmseg_joint.errors import JointError

CHOICE = dict(type='RandomChoice')


def model(**values) -> Config:
    return Config(dict(model=dict(type='JointEncoderDecoder', **values)))


def source(value) -> Config:
    return Config(
        dict(train_dataloader=dict(dataset=dict(type='JointDataset', domains=dict(source=value))))
    )


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (
            model(neck=dict(type='VGGEncodr')),
            'model.neck has type="VGGEncodr", and no model has that name: did you mean '
            '"VGGEncoder"?',
        ),
        # of mmcv, whose registry is the parent of mmseg's
        (
            source(dict(type='GTADataset', pipeline=[dict(type='RandomResiz')])),
            'domains.source.pipeline.0 has type="RandomResiz", and no transform has that name: did '
            'you mean "RandomResize"?',
        ),
        (
            source([dict(type='Unlabeled', dataset=dict(type='Xyz'))]),
            'domains.source.0.dataset has type="Xyz", and no dataset has that name: name its '
            'module in custom_imports.',
        ),
        (model(neck=dict(type=None)), 'model.neck has type="None", and no model has that name'),
        (model(neck=dict(type=1)), 'model.neck has type="1", and no model has that name'),
        (model(neck=dict(a=1, b=2)), 'neck is a dict of a, b, which needs a type: add the key.'),
        (model(decode_head=['x']), "decode_head.0 is 'x' where dict(type=…) is needed: correct"),
        (
            model(decode_head=None),
            'model.decode_head is None where dict(type=…) is needed: correct',
        ),
        (Config(dict(custom_hooks=[dict(type='Foo')])), 'custom_hooks.0 has type="Foo", and no'),
        (
            source(dict(type='X', pipeline=[dict(CHOICE, transforms=[[{}]])])),
            'source has type="X"',
        ),
        (
            source(
                dict(pipeline=[dict(type='RandomChoice', transforms=[[{}]])], type='GTADataset')
            ),
            'source.pipeline.0.transforms.0.0 is a dict of nothing, which needs a type',
        ),
    ],
)
def test_types(config, message):
    with pytest.raises(JointError, match=re.escape(message)):
        check_parts(config, 'train')


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (
            model(neck=dict(type='VGGEncoder', x=1)),
            'model.neck has type="VGGEncoder", but got an unexpected keyword argument \'x\': '
            'correct the key.',
        ),
        (
            model(neck=dict(type='SemanticDiscriminator')),
            'model.neck has type="SemanticDiscriminator", but missing a required argument: ',
        ),
        (
            Config(dict(train_cfg=dict(type='IterBasedTrainLoop', max_itres=1))),
            'train_cfg has type="IterBasedTrainLoop", but missing a required argument: '
            "'max_iters': correct the key.",
        ),
        (
            Config(dict(default_hooks=dict(logger=dict(type='LoggerHook', itnerval=1)))),
            'default_hooks.logger has type="LoggerHook", but got an unexpected keyword argument '
            "'itnerval': correct the key.",
        ),
    ],
)
def test_arguments(config, message):
    with pytest.raises(JointError, match=re.escape(message)):
        check_parts(config, 'train')


def test_what_mmengine_passes_itself():
    cfg = Config(
        dict(
            train_cfg=dict(type='IterBasedTrainLoop', max_iters=1),
            val_cfg=dict(),  # mmengine takes its own
            val_evaluator=[dict(type='IoUMetric', iou_metrics=['mIoU'])],
            train_dataloader=dict(sampler=dict(type='InfiniteSampler', shuffle=True)),
            visualizer=dict(vis_backends=[dict(type='LocalVisBackend')]),
            custom_hooks=[dict(type='EmptyCacheHook', priority=90)],
            model=dict(type='JointEncoderDecoder', data_preprocessor=dict(mean=[1])),
        )
    )
    check_parts(cfg, 'train')
    assert len(list(parts_of(cfg, 'train'))) == 9
    cfg.default_scope = 'mmdet'  # its registries are not known here
    assert not list(parts_of(cfg, 'train'))


def test_testing_ignores_what_only_training_uses():
    cfg = source(dict(type='Gone'))
    check_parts(cfg, 'test')
    cfg.test_dataloader = cfg.train_dataloader
    with pytest.raises(JointError, match=r'test_dataloader\.dataset\.domains\.source has'):
        check_parts(cfg, 'test')


class Picky:
    def __init__(self, mean):
        assert len(mean) == 3, f'a mean has 3 values, but got {len(mean)} values'


class Outer:
    def __init__(self, backbone, **more):
        self.backbone = MODELS.build(backbone)
        super().__init__(**more)


def test_a_value_that_a_constructor_refuses_is_reported_with_its_part():
    cfg = Config(dict(model=dict(type=Outer, backbone=dict(type=Picky, mean=[1, 2]))))
    with pytest.raises(AssertionError) as caught:
        MODELS.build(cfg.model)
    message = r'^model\.backbone has type="Picky", but .*got 2 values: correct it\.$'
    with pytest.raises(JointError, match=message):
        check_refusal(cfg, 'train', caught.value)
    cfg.model.backbone.mean = [1, 2, 3]
    check_refusal(cfg, 'train', caught.value)  # of something else

    cfg.model.necks = 1  # passed on to a class that takes none
    with pytest.raises(TypeError) as caught:
        MODELS.build(cfg.model)
    with pytest.raises(
        JointError, match=r'^model has type="Outer", but object\.__init__\(\) takes'
    ):
        check_refusal(cfg, 'train', caught.value)
    check_refusal(cfg, 'train', RuntimeError('of a program'))


def test_building_a_metric_on_its_own_makes_no_folder(tmp_path):
    cfg = Config(dict(val_evaluator=dict(type='IoUMetric', output_dir=str(tmp_path / 'out'))))
    (part,) = parts_of(cfg, 'train')
    assert part.registry is METRICS
    assert build(part).output_dir is None
    assert not list(tmp_path.iterdir())
