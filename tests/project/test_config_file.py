"""What the config of a project takes from its base, and what it replaces."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config, ConfigDict

from mmseg_joint.project.config_file import ITERATIONS, POLY, config_file

HEAD = dict(type='FCNHead', loss_decode=dict(type='CrossEntropyLoss', class_weight=[1.0, 2.0]))
SGD = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01), clip_grad=dict(max_norm=1))
NAMES = ('joint_hooks', 'joint_custom_hooks', 'joint_randomness')
NAMES += ('my_train_dataloader', 'my_val_dataloader', 'my_test_dataloader')


def child(wrapper=SGD, schedules=(), custom_imports=None, **model) -> ConfigDict:
    """Write the config for a base with five classes, and run it as mmengine does."""
    model = dict(type='EncoderDecoder', decode_head=HEAD, **model)
    base = Config(dict(model=model, optim_wrapper=wrapper, param_scheduler=list(schedules)))
    base.custom_imports = custom_imports
    _, _, text = config_file('mmseg::x.py', base, 5).partition(']\n')
    given = {key: {} for key in NAMES}
    given['joint_custom_hooks'] = [dict(type='IterationSeedHook')]
    found = {'_base_': ConfigDict(base.to_dict(), my_crop_size=(96, 64), **given)}
    exec(text, found)
    return ConfigDict({key: value for key, value in found.items() if key[0] != '_'})


def test_heads_predict_the_own_classes_without_the_weights_of_the_bases():
    plain = dict(type='FCNHead', loss_decode=dict(type='CrossEntropyLoss'))
    model = child(auxiliary_head=[plain, plain]).model
    assert model.type == 'JointEncoderDecoder'
    assert model.data_preprocessor.size == (96, 64)
    assert model.decode_head == dict(num_classes=5, loss_decode=dict(class_weight=None))
    assert [head.num_classes for head in model.auxiliary_head] == [5, 5]
    assert [head.type for head in model.auxiliary_head] == ['FCNHead'] * 2
    assert child(auxiliary_head=plain).model.auxiliary_head == dict(num_classes=5)


RESNET = dict(type='ResNetV1c', depth=18)  # its default norms are batch norms
WEIGHTS = dict(type='Pretrained', checkpoint='r18.pth')


@pytest.mark.parametrize(
    ('model', 'frozen'),
    [
        (dict(pretrained='open-mmlab://resnet18_v1c', backbone=RESNET), True),
        (dict(backbone=dict(RESNET, pretrained='r18.pth', norm_cfg=dict(type='SyncBN'))), True),
        (dict(backbone=dict(RESNET, init_cfg=WEIGHTS)), True),
        (dict(backbone=dict(RESNET, init_cfg=[dict(type='Kaiming'), WEIGHTS])), True),
        (dict(pretrained=None, backbone=dict(RESNET, init_cfg=dict(type='Kaiming'))), False),
        (dict(pretrained='r18.pth', backbone=dict(RESNET, norm_cfg=dict(type='GN'))), False),
        (dict(backbone=dict(type='MixVisionTransformer', init_cfg=WEIGHTS)), False),
        (dict(pretrained='x.pth', backbone=dict(type='Unknown')), False),
        (dict(), False),
    ],
)
def test_pretrained_batch_norms_are_frozen(model, frozen):
    hooks = child(**model).custom_hooks
    assert [hook['type'] for hook in hooks] == ['IterationSeedHook'] + ['FreezeNormHook'] * frozen


def test_a_base_that_slides_slides_over_the_own_crops():
    assert 'test_cfg' not in child(test_cfg=dict(mode='whole')).model
    model = child(test_cfg=dict(mode='slide', crop_size=(512, 512))).model
    assert model.test_cfg == dict(crop_size=(96, 64), stride=(64, 42))


@pytest.mark.parametrize(
    ('changes', 'dtype'),
    [
        (dict(type='OptimWrapper', dtype='bfloat16'), None),
        (dict(type='AmpOptimWrapper'), 'float16'),
        (dict(type='AmpOptimWrapper', dtype='bfloat16'), 'bfloat16'),
    ],
)
def test_the_optimizer_and_its_precision_are_the_bases(changes, dtype):
    wrapper = child({**SGD, **changes}).optim_wrapper
    assert wrapper.get('dtype') == dtype
    assert wrapper.segmentor == dict(optimizer=SGD['optimizer'], clip_grad=SGD['clip_grad'])


def test_schedules_end_with_the_training():
    warm = dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=1500)
    poly = dict(type='PolyLR', power=1.0, by_epoch=False, begin=1500, end=160_000)
    found = child(schedules=[warm, poly])
    assert found.param_scheduler == [warm, {k: x for k, x in poly.items() if k != 'end'}]
    assert found.train_cfg == dict(max_iters=ITERATIONS, val_interval=ITERATIONS // 10)
    for epochs in ([dict(type='StepLR')], [warm, dict(poly, by_epoch=True)], []):
        assert child(schedules=epochs).param_scheduler == [POLY]


def test_a_file_as_base_is_found_from_any_folder():
    base = Config(dict(model=dict(type='EncoderDecoder', decode_head=HEAD)))
    assert f'{str(Path("own.py").absolute())!r},' in config_file('own.py', base, 5)


def test_steps_are_accumulated_as_in_the_base():
    amp = dict(SGD, type='AmpOptimWrapper', accumulative_counts=2, loss_scale=512.0)
    wrapper = child(amp).optim_wrapper
    assert (wrapper.accumulative_counts, wrapper.loss_scale) == (2, 512.0)
    assert 'accumulative_counts' not in child().optim_wrapper


def test_rates_that_decay_at_certain_steps_do_so_within_the_training():
    warm = dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=1000)
    rest = dict(by_epoch=False, begin=1000)
    steps = dict(rest, type='MultiStepLR')
    found = child(schedules=[warm, dict(steps, end=80_000, milestones=[60_000, 72_000])])
    assert found.param_scheduler == [warm, dict(steps, milestones=[15_000, 18_000])]
    cosine = dict(rest, type='CosineAnnealingLR')
    found = child(schedules=[warm, dict(cosine, end=80_000, T_max=79_000)])
    assert found.param_scheduler == [warm, cosine]


def test_modules_that_the_base_imports_are_imported():
    for given, wanted in ((None, []), ('mine', ['mine']), (['mine', 'yours'], ['mine', 'yours'])):
        imports = dict(imports=given, allow_failed_imports=True)
        found = child(custom_imports=imports).custom_imports
        assert found == dict(imports=['mmseg_joint', *wanted], allow_failed_imports=True)
    assert child().custom_imports == dict(imports=['mmseg_joint'], allow_failed_imports=False)
