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

from .class_values import ClassValues
from .folders import Found

MULTIPLE = 32  # crops are a multiple of it, for the strides of most backbones
HELD_OUT = 5  # without a validation folder, every fifth target image is used
ITERATIONS = 20_000
MODELS = ('EncoderDecoder', 'CascadeEncoderDecoder')  # those with a joint version
POLY = {'type': 'PolyLR', 'power': 0.9, 'by_epoch': False}

DATA = """my_metainfo = dict(
    classes={classes},
    palette={palette},
)
my_crop_size = {crop}
my_samples = {samples}
{values}my_train_pipeline = [
    dict(type='LoadCheckedImage'),
    {labels},
    dict(type='RandomResize', scale={size}, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=my_crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
my_test_pipeline = [
    dict(type='LoadCheckedImage'),
    {labels},
    dict(type='PackSegInputs'),
]
my_dataset = dict(type='BaseSegDataset', metainfo=my_metainfo)
my_domains = dict(
{domains})
my_train_dataloader = dict(
    batch_size={batch_size},  # the sum of samples_per_domain
    num_workers=4,
    sampler=dict(type='JointSampler', samples_per_domain=my_samples),
    dataset=dict(type='JointDataset', domains=my_domains),
)
"""
COLORS = """# red, green and blue of each class, in their order, and of what is ignored
my_colors = {!r}
my_ignored = {!r}
"""
IDS = """# ids of each class in the {0}'s label files, in their order, and ignored ones
my_{0}_ids = {1!r}
my_{0}_ignored = {2!r}
"""
SCORED = """my_{split}_dataloader = dict(
    batch_size=1,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        my_dataset,
{place}    ),
)
"""
CONFIG = """_base_ = [
    {base!r},
    'mmseg_joint::_base_/joint_runtime.py',
    './my_data.py',
]
custom_imports = dict(imports=['mmseg_joint'], allow_failed_imports=False)
default_hooks = _base_.joint_hooks
custom_hooks = _base_.joint_custom_hooks
randomness = _base_.joint_randomness
model = dict(
    type={type!r},
    data_preprocessor=dict(size=_base_.my_crop_size),
{heads}    objectives=dict(),  # of the methods
)
optim_wrapper = dict(
    _delete_=True,
    constructor='JointOptimWrapperConstructor',
{dtype}    segmentor=dict(
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
SLIDE = """    test_cfg=dict(
        crop_size=_base_.my_crop_size,
        stride=tuple(side * 2 // 3 for side in _base_.my_crop_size),
    ),
"""

INDICES = "dict(type='LoadAnnotations')"
MAPPED = "dict(type='LoadIdAnnotations', ids=my_{0}_ids, ignored=my_{0}_ignored)"
COLORED = "dict(type='LoadColorAnnotations', colors=my_colors, ignored=my_ignored)"

Domains = Mapping[str, Mapping[str, Found]]


def write_project(
    out: Path,
    base: str,
    classes: Sequence[str],
    domains: Domains,
    colors: ClassValues | None,
    ids: Mapping[str, ClassValues],
) -> tuple[Path, int]:
    """Write the data file, its lists of images, and the config.

    Args:
        out: Folder of the project.
        base: A config of mmseg, as a `_base_` names it.
        classes: Names of the classes.
        domains: Domain -> split -> contents of its folder, for `source`, `target` and, optionally,
            `unlabeled`.
        colors: The colors of each class and the ignored ones, where labels are colors.
        ids: Domain -> the ids of each class and the ignored ones, where they are not the classes'
            indices.

    Returns:
        The config's file, and how many labeled images are left for training.

    Raises:
        JointError: When the base's model has no joint version, or a file would be overwritten.
    """
    data, config = out / 'my_data.py', out / 'joint.py'
    read = _read_base(base)
    target = domains['target']
    scored = {split: target[split] for split in ('val', 'test') if split in target}
    listed = {
        (domain, split): list(found.names)
        for domain, splits in domains.items()
        for split, found in splits.items()
        if found.listed and (domain == 'target' or split == 'train')
    }
    if not scored:
        scored = {'val': target['train']}
        names = target['train'].names
        if len(names) < 2:
            raise JointError(
                f'{target["train"].root} has one labeled image: give at least two, for training '
                'and for validation.'
            )
        held_out = list(names[HELD_OUT - 1 :: HELD_OUT] or names[-1:])
        listed['target', 'val'] = held_out
        listed['target', 'train'] = sorted({*names} - {*held_out})
    lists = {
        (domain, split): out / (f'{split}.txt' if domain == 'target' else f'{domain}_{split}.txt')
        for domain, split in listed
    }
    there = [str(path) for path in (data, config, *lists.values()) if path.exists()]
    if there:
        raise JointError(
            f'{", ".join(there)} would be overwritten: give another --out, or remove what is there.'
        )
    for key, path in lists.items():
        atomic_write(path, '\n'.join(listed[key]) + '\n')
    loaders = {domain: MAPPED.format(domain) if domain in ids else INDICES for domain in domains}
    usual = COLORED if target['train'].in_color else loaders['target']
    # no objective of the project's config uses unlabeled images; a study's methods request them
    samples = {name: 0 if name == 'unlabeled' else 2 for name in domains}
    text = DATA.format(
        classes=tuple(classes),
        palette=_palette(classes, colors),
        crop=_crop(read, target['train']),
        samples=samples,
        values=(COLORS.format(*colors) if colors else '')
        + ''.join(IDS.format(domain, *values) for domain, values in ids.items()),
        labels=usual,
        size=target['train'].size,
        domains=''.join(
            f'    {name}=dict(\n        my_dataset,\n'
            f'{_place(splits["train"], lists.get((name, "train")))}'
            f'{_pipeline(splits["train"], loaders[name], usual, "my_train_pipeline")}    ),\n'
            for name, splits in domains.items()
        ),
        batch_size=sum(samples.values()),
    )
    for split, found in scored.items():
        place = _place(found, lists.get(('target', split)))
        place += _pipeline(found, loaders['target'], usual, 'my_test_pipeline')
        text += SCORED.format(split=split, place=place)
    for split, other in (('val', 'test'), ('test', 'val')):
        if split not in scored:
            text += f'my_{split}_dataloader = my_{other}_dataloader\n'
    atomic_write(data, text)
    atomic_write(config, _config_file(base, read, len(classes)))
    return config, len(listed.get(('target', 'train'), target['train'].names))


def _read_base(base: str) -> Config:
    try:
        path = Config._get_cfg_path(base, '')[0]  # resolved as mmengine resolves a `_base_`
        read = Config.fromfile(path, import_custom_modules=False)
    except (OSError, KeyError, ImportError, ValueError, ConfigParsingError) as error:
        raise JointError(f'There is no config {base} (--mmseg): check its name.') from error
    kind = (read.get('model') or {}).get('type')
    if kind not in MODELS:
        raise JointError(
            f'The model of {base} is a {kind}, which has no joint form: give a config whose model '
            f'is an {" or ".join(MODELS)}.'
        )
    return read


def _crop(base: Config, found: Found) -> tuple[int, int]:
    """Return height and width of the crops: the base's, but no larger than an image."""
    given = base.get('crop_size') or (512, 512)
    sides = (min(want, have) for want, have in zip(given, found.size[::-1]))
    height, width = (max(MULTIPLE, side // MULTIPLE * MULTIPLE) for side in sides)
    return height, width


def _place(found: Found, list_file: Path | None) -> str:
    values: dict[str, Any] = {'data_root': str(found.root)}
    values['data_prefix'] = {'img_path': found.images}
    if found.seg_map_suffix:
        values['data_prefix']['seg_map_path'] = found.labels
        values['seg_map_suffix'] = found.seg_map_suffix
    values['img_suffix'] = found.img_suffix
    if list_file:
        values['ann_file'] = str(list_file.absolute())
    return ''.join(f'        {name}={value!r},\n' for name, value in values.items())


def _pipeline(found: Found, of_ids: str, usual: str, name: str) -> str:
    """Write a pipeline's line, with another loader than usual where labels have another format."""
    loader = COLORED if found.in_color else of_ids
    if found.seg_map_suffix and loader != usual:
        name = f'[{name}[0], {loader}, *{name}[2:]]'
    return f'        pipeline={name},\n'


def _palette(classes: Sequence[str], colors: ClassValues | None) -> list[list[int]]:
    if colors:
        return [several[0] for several in colors[0]]
    shades = matplotlib.colormaps['tab20'](np.arange(len(classes)) % 20)
    return (255 * shades[:, :3]).round().astype(int).tolist()


def _config_file(base: str, read: Config, count: int) -> str:
    model, wrapper = read.model, read.get('optim_wrapper') or {}
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
    kept = ('optimizer', 'paramwise_cfg', 'clip_grad', 'constructor')
    return CONFIG.format(
        base=base if '::' in base else str(Path(base).absolute()),
        type=joint_form(model),
        heads=heads,
        dtype=f'    dtype={half!r},\n' if half else '',
        optimizer=''.join(
            f'        {key}=_base_.optim_wrapper.{key},\n' for key in kept if key in wrapper
        ),
        iterations=ITERATIONS,
        val_interval=ITERATIONS // 10,
        schedules=Config({'param_scheduler': _schedules(read)}).pretty_text.strip(),
    )


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
    schedules[-1].pop('end', None)
    return schedules
