"""The files of a project: a data file, and the config that trains on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from mmengine.config import Config
from mmengine.config.utils import ConfigParsingError

from mmseg_joint.errors import JointError
from mmseg_joint.models.segmentors.compatibility import classifies_masks, joint_form
from mmseg_joint.utils.atomic_write import atomic_write

from .folders import Found

MULTIPLE = 32  # crops are a multiple of it, as most backbones' strides are
HELD_OUT = 5  # every fifth target image is for validation where there is no such folder
ITERATIONS = 20_000
MODELS = ('EncoderDecoder', 'CascadeEncoderDecoder')  # those with a joint form

Domains = Mapping[str, Mapping[str, Found]]
Colors = tuple[list[list[list[int]]], list[list[int]]]


def write_project(
    out: Path, base: str, classes: Sequence[str], domains: Domains, colors: Colors | None
) -> Path:
    """Write the data file, its lists of images, and the config.

    Args:
        out: Folder of the project.
        base: Config of mmseg's, as a `_base_` names it.
        classes: Names of the classes.
        domains: Domain -> split -> what its folder holds, for `source`, `target` and perhaps
            `unlabeled`.
        colors: The colors of each class and those that are ignored, where labels are colors.

    Returns:
        The config's file.

    Raises:
        JointError: When the base's model is none that has a joint form, or there is a project.
    """
    data, config = out / 'my_data.py', out / 'joint.py'
    for path in (data, config):
        if path.exists():
            raise JointError(f'{path} is there already: give another --out, or remove it.')
    read = _read_base(base)
    target = domains['target']
    crop = _crop(read, target['train'])
    scored = {split: target[split] for split in ('val', 'test') if split in target}
    lists: dict[str, tuple[str, ...]] = {}
    if not scored:
        names = target['train'].names
        if len(names) < 2:
            raise JointError(
                f'{target["train"].root} has one labeled image: give at least two, for training '
                'and for validation.'
            )
        lists['val'] = names[HELD_OUT - 1 :: HELD_OUT] or names[-1:]
        lists['train'] = tuple(sorted(set(names) - set(lists['val'])))
        scored = {'val': target['train']}
    for name, names in lists.items():
        atomic_write(out / f'{name}.txt', '\n'.join(names) + '\n')
    atomic_write(data, _data_file(classes, domains, scored, colors, crop, bool(lists), out))
    atomic_write(config, _config_file(base, read, len(classes)))
    return config


def _read_base(base: str) -> Config:
    try:
        path = Config._get_cfg_path(base, '')[0]  # as mmengine finds a `_base_`
        return Config.fromfile(path, import_custom_modules=False)
    except (OSError, KeyError, ImportError, ValueError, ConfigParsingError) as error:
        raise JointError(f'There is no config {base} (--mmseg): check its name.') from error


def _crop(base: Config, found: Found) -> tuple[int, int]:
    """Height and width of the crops: the base's, but no larger than an image."""
    given = base.get('crop_size') or (512, 512)
    sides = (min(want, have) for want, have in zip(given, found.size[::-1]))
    height, width = (max(MULTIPLE, side // MULTIPLE * MULTIPLE) for side in sides)
    return height, width


def _data_file(
    classes: Sequence[str],
    domains: Domains,
    scored: Mapping[str, Found],
    colors: Colors | None,
    crop: tuple[int, int],
    listed: bool,
    out: Path,
) -> str:
    # no objective of the project's config looks at unlabeled images; a study's methods ask for them
    samples = {name: 0 if name == 'unlabeled' else 2 for name in domains}
    lines = [
        'my_metainfo = dict(',
        f'    classes={tuple(classes)!r},',
        f'    palette={_palette(classes, colors)!r},',
        ')',
        f'my_crop_size = {crop!r}',
        f'my_samples = {samples!r}',
    ]
    labels = "dict(type='LoadAnnotations')"
    if colors:
        lines.append('# red, green and blue of each class, in their order, and of what is ignored')
        lines += [f'my_colors = {colors[0]!r}', f'my_ignored = {colors[1]!r}']
        labels = "dict(type='LoadColorAnnotations', colors=my_colors, ignored=my_ignored)"
    width, height = domains['target']['train'].size
    lines += [
        'my_train_pipeline = [',
        "    dict(type='LoadCheckedImage'),",
        f'    {labels},',
        f"    dict(type='RandomResize', scale=({width}, {height}), ratio_range=(0.5, 2.0), "
        'keep_ratio=True),',
        "    dict(type='RandomCrop', crop_size=my_crop_size, cat_max_ratio=0.75),",
        "    dict(type='RandomFlip', prob=0.5),",
        "    dict(type='PackSegInputs'),",
        ']',
        'my_test_pipeline = [',
        "    dict(type='LoadCheckedImage'),",
        f'    {labels},',
        "    dict(type='PackSegInputs'),",
        ']',
        'my_dataset = dict(',
        "    type='BaseSegDataset', metainfo=my_metainfo, pipeline=my_train_pipeline",
        ')',
        'my_domains = dict(',
    ]
    for name, splits in domains.items():
        list_file = out / 'train.txt' if listed and name == 'target' else None
        lines.append(
            f'    {name}=dict(\n        my_dataset,\n{_place(splits["train"], list_file)}    ),'
        )
    lines += [
        ')',
        'my_train_dataloader = dict(',
        f'    batch_size={sum(samples.values())},  # the sum of samples_per_domain',
        '    num_workers=4,',
        "    sampler=dict(type='JointSampler', samples_per_domain=my_samples),",
        "    dataset=dict(type='JointDataset', domains=my_domains),",
        ')',
    ]
    for split, found in scored.items():
        list_file = out / 'val.txt' if listed else None
        lines += [
            f'my_{split}_dataloader = dict(',
            '    batch_size=1,',
            '    num_workers=2,',
            "    sampler=dict(type='DefaultSampler', shuffle=False),",
            '    dataset=dict(',
            '        my_dataset,',
            f'        pipeline=my_test_pipeline,\n{_place(found, list_file)}    ),',
            ')',
        ]
    for split, other in (('val', 'test'), ('test', 'val')):
        if split not in scored:
            lines.append(f'my_{split}_dataloader = my_{other}_dataloader')
    return '\n'.join(lines) + '\n'


def _place(found: Found, list_file: Path | None) -> str:
    values: dict[str, Any] = {'data_root': str(found.root)}
    values['data_prefix'] = {'img_path': found.images}
    if found.labels:
        values['data_prefix']['seg_map_path'] = found.labels
        values['seg_map_suffix'] = found.seg_map_suffix
    values['img_suffix'] = found.img_suffix
    if list_file:
        values['ann_file'] = str(list_file.absolute())
    return ''.join(f'        {name}={value!r},\n' for name, value in values.items())


def _palette(classes: Sequence[str], colors: Colors | None) -> list[list[int]]:
    if colors:
        return [several[0] for several in colors[0]]
    shades = matplotlib.colormaps['tab20'](np.arange(len(classes)) % 20)
    return (255 * shades[:, :3]).round().astype(int).tolist()


def _config_file(base: str, read: Config, count: int) -> str:
    model = read.get('model') or {}
    kind = str(model.get('type'))
    if kind not in MODELS:
        raise JointError(
            f'The model of {base} is a {kind}, which has no joint form: give a config whose model '
            f'is an {" or ".join(MODELS)}.'
        )
    named = base if '::' in base else str(Path(base).absolute())
    lines = [
        '_base_ = [',
        f'    {named!r},',
        "    'mmseg_joint::_base_/joint_runtime.py',",
        "    './my_data.py',",
        ']',
        "custom_imports = dict(imports=['mmseg_joint'], allow_failed_imports=False)",
        'default_hooks = _base_.joint_hooks',
        'custom_hooks = _base_.joint_custom_hooks',
        'randomness = _base_.joint_randomness',
        'model = dict(',
        f'    type={joint_form(model)!r},',
        '    data_preprocessor=dict(size=_base_.my_crop_size),',
    ]
    for name in ('decode_head', 'auxiliary_head'):
        head = model.get(name)
        if isinstance(head, (list, tuple)):
            lines.append(
                f'    {name}=[dict(head, num_classes={count}) for head in _base_.model.{name}],'
            )
        elif head:
            lines.append(f'    {name}=dict({_head(head, count)}),')
    if (model.get('test_cfg') or {}).get('mode') == 'slide':
        lines.append(
            '    test_cfg=dict(\n'
            '        crop_size=_base_.my_crop_size,\n'
            '        stride=tuple(side * 2 // 3 for side in _base_.my_crop_size),\n'
            '    ),'
        )
    lines += ['    objectives=dict(),  # of the methods', ')', *_optimizer(read)]
    lines += [
        f'train_cfg = dict(max_iters={ITERATIONS}, val_interval={ITERATIONS // 10})',
        _assign('param_scheduler', _schedules(read)),
        'train_dataloader = dict(_delete_=True, **_base_.my_train_dataloader)',
        'val_dataloader = dict(_delete_=True, **_base_.my_val_dataloader)',
        'test_dataloader = dict(_delete_=True, **_base_.my_test_dataloader)',
        "val_evaluator = dict(_delete_=True, type='IoUMetric', iou_metrics=['mIoU'])",
        'test_evaluator = val_evaluator',
    ]
    return '\n'.join(lines) + '\n'


def _head(head: Mapping[str, Any], count: int) -> str:
    values = [f'num_classes={count}']
    if classifies_masks(head.get('type')):
        values.append(f'loss_cls=dict(class_weight=[1.0] * {count} + [0.1])')
    loss = head.get('loss_decode')
    if isinstance(loss, Mapping) and loss.get('class_weight'):
        values.append('loss_decode=dict(class_weight=None)')  # of the base's own classes
    return ', '.join(values)


def _optimizer(read: Config) -> list[str]:
    wrapper = read.get('optim_wrapper') or {}
    known = {
        key: wrapper[key]
        for key in ('optimizer', 'paramwise_cfg', 'clip_grad', 'constructor')
        if key in wrapper
    }
    lines = [
        'optim_wrapper = dict(',
        '    _delete_=True,',
        "    constructor='JointOptimWrapperConstructor',",
    ]
    if wrapper.get('type') == 'AmpOptimWrapper':
        lines.append(f'    dtype={wrapper.get("dtype") or "float16"!r},')
    lines.append('    segmentor=dict(')
    lines += [f'        {key}=_base_.optim_wrapper.{key},' for key in known]
    return [*lines, '    ),', ')']


def _schedules(read: Config) -> list[dict[str, Any]]:
    """The base's, shortened: the last one ends with the training."""
    given = read.get('param_scheduler') or [{'type': 'PolyLR', 'power': 0.9, 'by_epoch': False}]
    schedules = [dict(item) for item in (given if isinstance(given, list) else [given])]
    if any(item.get('by_epoch', True) for item in schedules):
        schedules = [{'type': 'PolyLR', 'power': 0.9, 'by_epoch': False}]
    schedules[-1].pop('end', None)
    return schedules


def _assign(name: str, value: Any) -> str:
    return Config({name: value}).pretty_text.strip()
