"""The data file of a project: classes, pipelines, and where images and labels are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from mmengine.config import Config

from mmseg_joint.datasets.rare_class_sampling import RARE_PIXELS

from .class_values import ClassValues
from .folders import Found

MULTIPLE = 32  # crops are a multiple of it, for the strides of most backbones
Domains = Mapping[str, Mapping[str, Found]]

DATA = """my_metainfo = dict(
    classes={classes},
    palette={palette},
)
my_crop_size = {crop}
my_samples = {samples}
# images with at least as many pixels of a rare class, about 1 % of a crop, are drawn more often
my_rare_classes = {rare_classes}
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
    dataset=dict(type='JointDataset', domains=my_domains, rare_classes=my_rare_classes),
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
INDICES = "dict(type='LoadAnnotations')"
MAPPED = "dict(type='LoadIdAnnotations', ids=my_{0}_ids, ignored=my_{0}_ignored)"
COLORED = "dict(type='LoadColorAnnotations', colors=my_colors, ignored=my_ignored)"


def data_file(
    base: Config,
    classes: Sequence[str],
    domains: Domains,
    scored: Mapping[str, Found],
    lists: Mapping[tuple[str, str], Path],
    colors: ClassValues | None,
    ids: Mapping[str, ClassValues],
) -> str:
    """Return its text.

    Args:
        base: The config whose crop size is taken, if images are as large.
        classes: Names of the classes.
        domains: Domain -> split -> contents of its folder.
        scored: Split -> contents of the target's folder, for `val`, `test` or both.
        lists: Domain and split -> the list of its images, where not all of the folder are used.
        colors: The colors of each class and the ignored ones, where labels are colors.
        ids: Domain -> the ids of each class and the ignored ones, where they are not the classes'
            indices.
    """
    target = domains['target']['train']
    loaders = {domain: MAPPED.format(domain) if domain in ids else INDICES for domain in domains}
    usual = COLORED if target.in_color else loaders['target']
    # no objective of the project's config uses unlabeled images; a study's methods request them
    samples = {name: 0 if name == 'unlabeled' else 2 for name in domains}
    crop = _crop(base, target)
    pixels = round(RARE_PIXELS * crop[0] * crop[1])
    text = DATA.format(
        classes=tuple(classes),
        palette=_palette(classes, colors),
        crop=crop,
        samples=samples,
        rare_classes={name: {'min_pixels': pixels} for name in samples if name != 'unlabeled'},
        values=(COLORS.format(*colors) if colors else '')
        + ''.join(IDS.format(domain, *values) for domain, values in ids.items()),
        labels=usual,
        size=target.size,
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
    return text


def _crop(base: Config, found: Found) -> tuple[int, int]:
    """Return height and width of the crops: the base's, but no larger than an image."""
    given = base.get('crop_size') or 512
    given = (given, given) if isinstance(given, int) else given
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
