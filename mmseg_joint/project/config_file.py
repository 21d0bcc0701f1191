"""The config file of a project: a child of an mmseg config, trained on the data file."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.config.utils import ConfigParsingError
from mmseg.registry import MODELS

from mmseg_joint.errors import JointError
from mmseg_joint.models.segmentors.compatibility import classifies_masks, joint_form
from mmseg_joint.utils.walk import class_of, value_of

ITERATIONS = 20_000
SUPPORTED = ('EncoderDecoder', 'CascadeEncoderDecoder')  # those with a joint version
POLY = {'type': 'PolyLR', 'power': 0.9, 'by_epoch': False}

CONFIG = """_base_ = [
    {base!r},
    'mmseg_joint::_base_/joint_runtime.py',
    './my_data.py',
]
custom_imports = dict(imports={imports!r}, allow_failed_imports={allowed!r})
default_hooks = _base_.joint_hooks
custom_hooks = {hooks}
randomness = _base_.joint_randomness
model = dict(
    type={type!r},
    data_preprocessor=dict(size=_base_.my_crop_size),
{heads}    objectives=dict(),  # of the methods
)
optim_wrapper = dict(
    _delete_=True,
    constructor='JointOptimWrapperConstructor',
{shared}    segmentor=dict(
{optimizer}    ),
)
train_cfg = dict(max_iters={iterations}, val_interval={val_interval})
{schedules}
train_dataloader = dict(_delete_=True, **_base_.my_train_dataloader)
val_dataloader = dict(_delete_=True, **_base_.my_val_dataloader)
test_dataloader = dict(_delete_=True, **_base_.my_test_dataloader)
val_evaluator = dict(_delete_=True, type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
"""
# few images per step would give them poor statistics
FROZEN = """[
    *_base_.joint_custom_hooks,
    dict(type='FreezeNormHook'),  # keeps pretrained batch norms; remove it to train from scratch
]"""
SLIDE = """    test_cfg=dict(
        crop_size=_base_.my_crop_size,
        stride=tuple(side * 2 // 3 for side in _base_.my_crop_size),
    ),
"""


def read_base(base: str) -> Config:
    """Read the config that a project is a child of.

    Raises:
        JointError: When there is none, or its model has no joint version.
    """
    try:
        path = Config._get_cfg_path(base, '')[0]  # resolved as mmengine resolves a `_base_`
        read = Config.fromfile(path, import_custom_modules=False)
    except (OSError, KeyError, ImportError, ValueError, ConfigParsingError) as error:
        raise JointError(f'There is no config {base} (--mmseg): check its name.') from error
    kind = (read.get('model') or {}).get('type')
    if kind not in SUPPORTED:
        raise JointError(
            f'The model of {base} is a {kind}, which has no joint form: give a config whose model '
            f'is an {" or ".join(SUPPORTED)}.'
        )
    return read


def config_file(base: str, read: Config, count: int) -> str:
    """Return its text, for a base (its name, and what was read) and a number of classes."""
    model, wrapper = read.model, read.get('optim_wrapper') or {}
    given = read.get('custom_imports') or {}
    imports = given.get('imports') or []
    imports = [imports] if isinstance(imports, str) else imports
    # the joint form of a mask classifier imports mmdet, or says what it needs beside it
    imports = [name for name in imports if name.partition('.')[0] != 'mmdet']
    heads = ''
    for name in ('decode_head', 'auxiliary_head'):
        head = model.get(name)
        if isinstance(head, (list, tuple)):
            heads += (
                f'    {name}=[dict(head, num_classes={count}) for head in _base_.model.{name}],\n'
            )
        elif head:
            heads += f'    {name}=dict({_head(head, count)}),\n'
    if (model.get('test_cfg') or {}).get('mode') == 'slide':
        heads += SLIDE
    half = wrapper.get('dtype') or 'float16' if wrapper.get('type') == 'AmpOptimWrapper' else None
    shared = {'dtype': half, 'accumulative_counts': wrapper.get('accumulative_counts')}
    shared['loss_scale'] = wrapper.get('loss_scale') if half else None
    kept = ('optimizer', 'paramwise_cfg', 'clip_grad', 'constructor')
    return CONFIG.format(
        base=base if '::' in base else str(Path(base).absolute()),
        imports=list(dict.fromkeys(['mmseg_joint', *imports])),
        allowed=given.get('allow_failed_imports', False),
        type=joint_form(model),
        heads=heads,
        hooks=FROZEN if _has_pretrained_norms(model) else '_base_.joint_custom_hooks',
        shared=''.join(f'    {key}={value!r},\n' for key, value in shared.items() if value),
        optimizer=''.join(
            f'        {key}=_base_.optim_wrapper.{key},\n' for key in kept if key in wrapper
        ),
        iterations=ITERATIONS,
        val_interval=ITERATIONS // 10,
        schedules=Config({'param_scheduler': _schedules(read)}).pretty_text.strip(),
    )


def _has_pretrained_norms(model: Mapping[str, Any]) -> bool:
    """Whether the backbone has batch norms and begins with pretrained weights."""
    backbone = model.get('backbone') or {}
    given = backbone.get('init_cfg') or ()
    given = [given] if isinstance(given, Mapping) else given
    weights = any(part.get('type') == 'Pretrained' for part in given)
    if not (weights or model.get('pretrained') or backbone.get('pretrained')):
        return False
    norms = [backbone['norm_cfg']] if 'norm_cfg' in backbone else []
    for kind in getattr(class_of(backbone, MODELS), '__mro__', ()):
        own = signature(kind.__init__).parameters.get('norm_cfg')
        norms += [own.default] if own else []
    return bool(norms) and 'BN' in (norms[0] or {}).get('type', '')


def _head(head: Mapping[str, Any], count: int) -> str:
    values = [f'num_classes={count}']
    if classifies_masks(head.get('type')):
        values.append(f'loss_cls=dict(class_weight=[1.0] * {count} + [0.1])')
    loss = head.get('loss_decode')
    if isinstance(loss, Mapping) and loss.get('class_weight'):
        values.append('loss_decode=dict(class_weight=None)')  # those of the base's classes
    return ', '.join(values)


def _schedules(read: Config) -> list[dict[str, Any]]:
    """Return the base's schedules, rescaled so that the last one ends with the training."""
    given = read.get('param_scheduler') or POLY
    schedules = [dict(item) for item in (given if isinstance(given, list) else [given])]
    if any(item.get('by_epoch', True) for item in schedules):
        return [POLY]
    last = schedules[-1]
    length = last.pop('end', None) or value_of(read, 'train_cfg.max_iters') or ITERATIONS
    last.pop('T_max', None)  # of its length
    if last.get('milestones'):
        last['milestones'] = [round(step * ITERATIONS / length) for step in last['milestones']]
    return schedules
