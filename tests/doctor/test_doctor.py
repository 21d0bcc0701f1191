"""`python -m mmseg_joint.doctor CONFIG`, on valid and on broken data."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial, reduce
from operator import getitem
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from PIL import Image

from mmseg_joint.checks.samples import spread
from mmseg_joint.datasets.label_maps import CITYSCAPES_CLASSES, CITYSCAPES_IDS, GTA_IDS
from mmseg_joint.doctor.__main__ import main
from mmseg_joint.doctor.files import SAMPLE
from tests.tiny_configs import ROOT, tiny

DOMAINS = 'train_dataloader.dataset.domains'
PACK = dict(type='PackSegInputs')


@pytest.fixture
def check(roots, tmp_path, capsys):
    """Write the tiny HRS config with some values changed, and let the doctor check it."""

    def run(changes: dict | None = None, *flags: str) -> tuple[int, str, list[str]]:
        cfg = tiny(ROOT / 'configs/hrs_fcn8s_streets.py', roots, tmp_path / 'work')
        for key, value in (changes or {}).items():
            *parents, last = key.split('.')
            reduce(getitem, parents, cfg)[last] = value
        cfg.dump(tmp_path / 'tiny.py')
        capsys.readouterr()
        status = main([str(tmp_path / 'tiny.py'), *flags])
        said = capsys.readouterr().out
        return status, said, re.findall(r'^problem: (.*)$', said, re.MULTILINE)

    return run


def labels_of(roots, split: str = 'train') -> list[Path]:
    return sorted((roots['CityscapesIdsDataset'] / 'gtFine' / split).rglob('*_labelIds.png'))


def shares(files, ids) -> dict[str, float]:
    """Compute each class's percentage of the labeled pixels, counted independently."""
    raw = np.concatenate([np.array(Image.open(file)).ravel() for file in files])
    classes = np.array([ids[value] for value in raw])
    known = classes[classes != 255]
    found = {name: 100 * np.mean(known == i) for i, name in enumerate(CITYSCAPES_CLASSES)}
    return {**found, 'ignored': 100 * np.mean(classes == 255)}


def test_a_healthy_config_has_no_problem_and_the_right_histogram(check, roots):
    schedules = dict(type='LinearLR', start_factor=1.0, end=1), dict(type='PolyLR', begin=1, end=2)
    changes = {'param_scheduler': [{**schedule, 'by_epoch': False} for schedule in schedules]}
    status, said, problems = check(changes)
    assert (status, problems) == (0, [])
    assert said.endswith('no problem found\n')
    assert re.search(r'source +3 images, 3 of them read \(GTADataset\)', said)
    gta = sorted((roots['GTADataset'] / 'labels').iterdir())
    columns = [shares(gta, GTA_IDS)]
    columns += [shares(labels_of(roots, split), CITYSCAPES_IDS) for split in ('train', 'val')]
    head = re.search(r'^ +(target|source) +(target|source) +val$', said, re.MULTILINE)
    if head[1] == 'target':
        columns[:2] = columns[1::-1]
    for name in columns[0]:
        row = re.search(rf'^  {name} +(.*)$', said, re.MULTILINE)[1].split()
        wanted = [f'{column[name]:.2f}' if column[name] else '-' for column in columns]
        assert row == wanted, name
    assert re.search(r'a batch +2 target, 2 source|a batch +2 source, 2 target', said)
    assert 'PolyLR ends at iteration 2, training stops at 2' in said


def test_memory_is_that_of_the_networks(check):
    _, said, _ = check()
    numbers = re.findall(r'(\S+): ([\d.]+) million, Adam', said)
    assert {name for name, _ in numbers} == {
        'segmentor',
        'weighting',
        'gan.generator',
        'gan.discriminator',
    }
    memory = re.search(r'weights ([\d.]+) MB, gradients ([\d.]+) MB, optimizers ([\d.]+) MB', said)
    weights, gradients, states = map(float, memory.groups())
    assert gradients <= weights
    assert states == pytest.approx(2 * gradients, abs=0.2)  # Adam's two moments


def test_all_problems_are_reported_at_once(check, roots, tmp_path):
    first, second, _ = labels_of(roots)
    ids = np.array(Image.open(first))
    ids[0, 0] = 77
    Image.fromarray(ids).save(first)
    second.write_bytes(second.read_bytes()[:-30])
    status, _, problems = check(
        {
            f'{DOMAINS}.source.data_root': 'nowhere',
            'model.backbone.init_cfg': dict(type='Pretrained', checkpoint='gone.pth'),
            'optim_wrapper.weighting': None,
            'train_dataloader.batch_size': 3,
            'param_scheduler': [dict(type='PolyLR', power=0.9)],
        }
    )
    assert status == 1
    wanted = [
        rf"{DOMAINS}\.source: GTADataset finds no folder 'nowhere/images': correct data_root",
        rf"{DOMAINS}\.target: the label file '.*{first.name}' holds the values \[77\]",
        rf"{DOMAINS}\.target: the label file '.*{second.name}' is broken or truncated",
        r"model\.backbone\.init_cfg\.checkpoint is 'gone\.pth', which does not exist",
        r'train_dataloader\.batch_size is 3: set it to 4',
        r'param_scheduler: PolyLR counts epochs.*by_epoch=False',
        r'no optimizer \(objectives\.weighting.*: add optim_wrapper\.weighting',
    ]
    assert len(problems) == len(wanted), problems
    for message, problem in zip(wanted, problems):
        assert re.search(message, problem), problem


def test_an_image_without_a_label_is_named_however_files_are_listed(check, roots):
    plain = dict(
        type='CityscapesDataset',
        data_root=str(roots['CityscapesIdsDataset']),
        data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='PackSegInputs'),
        ],
    )
    gone = labels_of(roots)[1]
    for label in labels_of(roots):
        if label != gone:
            train_ids = np.vectorize(CITYSCAPES_IDS.get)(np.array(Image.open(label)))
            name = label.name.replace('labelIds', 'labelTrainIds')
            Image.fromarray(train_ids.astype(np.uint8)).save(label.with_name(name))
    _, _, (problem,) = check({f'{DOMAINS}.target': plain})
    assert re.search(r'1 of 3 images have no label.*000001_000019_gtFine_label', problem)

    gone.unlink()
    _, _, (problem,) = check()
    assert re.search(r'1 of 3 images of CityscapesIdsDataset have no label', problem)


def test_bad_labels_that_plain_mmseg_would_accept(check, roots):
    """Raw ids read as classes, colors, and a label of the wrong size."""
    plain = dict(
        type='BaseSegDataset',
        data_root=str(roots['CityscapesIdsDataset']),
        img_suffix='_leftImg8bit.png',
        seg_map_suffix='_gtFine_labelIds.png',
        data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
        metainfo=dict(classes=CITYSCAPES_CLASSES),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), PACK],
    )
    _, colors, small = labels_of(roots)
    cv2.imwrite(str(colors), np.zeros((60, 80, 3), np.uint8))
    cv2.imwrite(str(small), np.zeros((30, 80), np.uint8))
    _, _, problems = check({f'{DOMAINS}.target': plain})
    raw, colored, sized = problems
    assert re.search(r'holds \[19, 20, .*but there are 19 classes.*RawLabelDataset', raw)
    assert '(60, 80, 3)' in colored and 'one channel' in colored
    assert re.search(r'shape \(30, 80\) and its image of \(60, 80\)', sized)


def test_a_class_that_no_label_shows_is_a_problem(check, roots):
    """It occurs in no domain and not in validation; missing in a single domain is no problem."""
    bus = CITYSCAPES_CLASSES.index('bus')
    (raw,) = (key for key, train in GTA_IDS.items() if train == bus)
    everywhere = sorted((roots['GTADataset'] / 'labels').iterdir())
    for files in (everywhere, labels_of(roots) + labels_of(roots, 'val')):
        for label in files:
            ids = np.array(Image.open(label))
            ids[ids == raw] = 7
            Image.fromarray(ids).save(label)
        status, _, problems = check()
        assert status == (files != everywhere)
    (problem,) = problems
    assert 'no label of source, target, val shows bus: ' in problem


class OwnLoader(BaseTransform):
    def transform(self, results):
        image = cv2.imread(results['img_path'])
        return {**results, 'img': image, 'img_shape': image.shape[:2], 'ori_shape': image.shape[:2]}


def test_images_that_an_unknown_step_loads_are_read_through_the_whole_pipeline(check):
    steps = [dict(type=f'{__name__}.OwnLoader'), dict(type='LoadMappedAnnotations'), PACK]
    status, said, problems = check({f'{DOMAINS}.target.pipeline': steps})
    assert (status, problems) == (0, [])
    assert re.search(r'target +3 images, 3 of them read', said)


def test_labels_of_0_and_255_alone_are_a_problem(check, roots):
    for label in labels_of(roots):
        ids = np.array(Image.open(label))
        Image.fromarray(np.where(ids == ids[0, 0], 7, 0).astype(np.uint8)).save(label)
    _, _, (problem,) = check()
    assert re.search(rf'{DOMAINS}\.target: .* road and 255, which is ignored: if', problem)


def test_a_dataset_without_classes_has_no_histogram(check, roots):
    target = dict(
        type='BaseSegDataset',
        data_root=str(roots['CamVidDataset']),
        data_prefix=dict(img_path='images/train', seg_map_path='labels/train'),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), PACK],
    )
    _, said, (problem,) = check({f'{DOMAINS}.target': target})
    assert re.search(r'^ +source +val$', said, re.MULTILINE)
    assert "domain 'target' has 0" in problem


def test_a_few_images_are_read_by_default_and_all_with_a_flag(check, roots, write_gta):
    write_gta(roots['GTADataset'], count=40, height=60, width=80)
    hidden = next(index for index in range(40) if index not in spread(40, SAMPLE))
    label = roots['GTADataset'] / f'labels/{hidden:05d}.png'
    label.write_bytes(b'')
    status, said, _ = check()
    assert status == 0
    assert re.search(r'source +40 images, 32 of them read', said)
    status, said, problems = check({}, '--all')
    assert (status, len(problems)) == (1, 1)
    assert label.name in problems[0]
    assert re.search(r'source +40 images, 40 of them read', said)


def test_files_are_read_on_the_available_cores(check, monkeypatch):
    threads = []

    def pool(number):
        threads.append(number)
        return ThreadPoolExecutor(number)

    monkeypatch.setattr('mmseg_joint.doctor.files.ThreadPoolExecutor', pool)
    monkeypatch.setattr(os, 'cpu_count', lambda: 64)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _: range(3), raising=False)
    check()
    assert set(threads) == {3}


def test_many_files_with_one_fault_are_counted(check, roots, write_gta):
    write_gta(roots['GTADataset'], count=12, height=60, width=80)
    for number, label in enumerate(sorted((roots['GTADataset'] / 'labels').iterdir())):
        label.write_bytes(b'')
        if number % 3 == 0:
            Image.fromarray(np.full((60, 80), 100 + number, np.uint8)).save(label)
    _, _, (ids, broken) = check()
    assert re.search(r'/00000\.png. holds the values \[100\], .* \(and 3 more like this one', ids)
    assert ids.endswith(', with the values [100, 103, 106, 109] in all)')
    assert re.search(r'/00001\.png. is broken or .* \(and 7 more like this one\)', broken)


MISTAKES = {
    'unknown share': (
        {'train_dataloader.sampler.samples_per_domain': dict(sorce=2, target=2)},
        [r"names the domain 'sorce'", *[r'objectives\.\w+ needs the domain "source"'] * 2],
    ),
    'iterations that are no number': (
        {'train_cfg.max_iters': 'lots'},
        [r"max_iters is 'lots': give a whole number from 1"],
    ),
    'path in place of init_cfg': (
        {'model.backbone.init_cfg': 'a.pth', 'default_hooks.timer.type': []},
        [r'hooks\.timer has type="\[\]"', r"model\.backbone\.init_cfg is 'a\.pth': give a dict"],
    ),
    'hook that is no dict': (
        {'default_hooks.checkpoint': 'x'},
        [r"default_hooks\.checkpoint is 'x' where dict"],
    ),
    'classes of the head': (
        {'model.decode_head.num_classes': 11},
        [
            rf'{DOMAINS}\.\w+ has 19 classes but model\.decode_head\.num_classes is 11',
            rf'{DOMAINS}\.\w+ has 19 classes but model\.decode_head\.num_classes is 11',
            r'val_dataloader\.dataset has 19 classes',
        ],
    ),
    'classes of a domain': (
        {f'{DOMAINS}.source.protocol': 'camvid'},
        [r"domain '\w+' has \d+ classes", rf'{DOMAINS}\.source has 11 classes'],
    ),
    'optimizer that cannot be built': (
        {'optim_wrapper.segmentor': dict(optimizer=dict(type='Adm', lr=1.0))},
        [r'optim_wrapper\.segmentor\.optimizer\.type is "Adm", which is not an optimizer: correct'],
    ),
    'domain without images': (
        {
            f'{DOMAINS}.source': dict(
                type='StreetsDataset',
                count=2,
                indices=[],
                serialize_data=False,
                pipeline=[dict(type='LoadStreet'), PACK],
            )
        },
        [rf'{DOMAINS}\.source: no images were found, correct data_root'],
    ),
    'metric that cannot be built': (
        {'val_evaluator': dict(type='ProtocolIoUMetric', absent='never')},
        [r'val_evaluator: ProtocolIoUMetric\.absent.*never'],
    ),
    'pipeline without labels': (
        {f'{DOMAINS}.target.pipeline': [dict(type='LoadCheckedImage'), PACK]},
        [rf'{DOMAINS}\.target: its pipeline loads no labels'],
    ),
}


@pytest.mark.parametrize('mistake', MISTAKES)
def test_a_mistake_in_the_config_is_named(check, mistake):
    changes, sentences = MISTAKES[mistake]
    status, _, problems = check(changes)
    assert status == 1
    assert len(problems) == len(sentences), problems
    for message, problem in zip(sentences, problems):
        assert re.search(message, problem), problem


def test_weights_that_fit_nothing(check, tmp_path):
    torch.save({'other.weight': torch.ones(3)}, tmp_path / 'other.pth')
    changes = {
        'model.backbone.init_cfg': dict(type='Pretrained', checkpoint=str(tmp_path / 'other.pth')),
        'load_from': str(tmp_path / 'other.pth'),
    }
    _, _, (backbone, whole) = check(changes)
    assert 'model.backbone.init_cfg.checkpoint' in backbone
    assert 'load_from=' in whole and 'fits none' in whole
    status, said, _ = check({'load_from': 'https://example.org/weights.pth'})
    assert status == 0
    assert 'load_from: will be downloaded from https://example.org/weights.pth' in said


def test_domains_of_several_datasets_and_without_labels(check, roots):
    city = dict(
        type='CityscapesIdsDataset',
        data_root=str(roots['CityscapesIdsDataset']),
        pipeline=[dict(type='LoadCheckedImage'), dict(type='LoadMappedAnnotations'), PACK],
    )
    for label in labels_of(roots):
        label.unlink()
    streets = dict(
        type='StreetsDataset', count=2, size=(64, 48), pipeline=[dict(type='LoadStreet'), PACK]
    )
    gta = dict(type='GTADataset', data_root=str(roots['GTADataset']), pipeline=city['pipeline'])
    changes = {
        DOMAINS: dict(source=[streets, gta], target=gta, unlabeled=city),
        'train_dataloader.sampler.samples_per_domain': dict(source=2, target=2, unlabeled=0),
    }
    status, said, problems = check(changes)
    assert (status, problems) == (0, [])
    assert re.search(r'source\[0\] +2 images.*StreetsDataset', said)
    assert re.search(r'source\[1\] +3 images.*GTADataset', said)
    assert re.search(r'unlabeled +3 images.*labels are not read', said)


@pytest.mark.parametrize(('loading', 'workers', 'hours'), [(1, 0, 3), (1, 4, 2), (12, 4, 3)])
def test_a_real_step_is_timed(check, monkeypatch, loading, workers, hours):
    """The step takes two seconds; workers load meanwhile."""
    clock = partial(next, iter([0, 9, 9, 9, 9 + loading, 11 + loading]))
    monkeypatch.setattr('mmseg_joint.doctor.cost.time', SimpleNamespace(perf_counter=clock))
    changes = {'train_cfg.max_iters': 3600, 'train_dataloader.num_workers': workers}
    status, said, _ = check(changes, '--step')
    assert status == 0
    assert re.search(rf'a step +2\.00 s on the .* its images load in {loading}\.00 s', said)
    assert f'3,600 steps, {hours}:00:00 without validation' in said


def test_a_step_is_timed_without_the_workers_and_what_concerns_them(check):
    given = dict(num_workers=2, persistent_workers=True, prefetch_factor=4, timeout=60)
    loader = {f'train_dataloader.{key}': value for key, value in given.items()}
    status, said, problems = check(loader, '--step')
    assert (status, problems) == (0, [])
    assert 'in one process; training will use 2' in said


def test_a_step_is_not_timed_where_there_are_problems(check):
    _, said, problems = check({f'{DOMAINS}.source.data_root': 'nowhere'}, '--step')
    assert 'not timed' in said
    assert len(problems) == 1


def test_a_step_that_fails_is_a_problem(check):
    flip = dict(type='RandomFlip', prob=1.0)  # too late
    load = [dict(type='LoadCheckedImage'), dict(type='LoadMappedAnnotations')]
    pipeline = [*load, PACK, flip]
    status, _, problems = check({f'{DOMAINS}.target.pipeline': pipeline}, '--step')
    assert status == 1
    assert problems[0].startswith('a step fails')


def test_every_stage_is_checked(check):
    stages = [
        dict(name='first', train_cfg=dict(max_iters=1)),
        dict(name='second', optim_wrapper=dict(weighting=None)),
    ]
    _, said, problems = check({'stages': stages})
    assert 'training of stage first' in said
    assert 'training of stage second' in said
    assert len(problems) == 1
    assert 'add optim_wrapper.weighting' in problems[0]


def test_from_the_command_line(check, lines, tmp_path):
    check()
    options = ['--cfg-options', f'{DOMAINS}.source.data_root=nowhere']
    done = lines.run('mmseg_joint.doctor', tmp_path / 'tiny.py', *options, cwd=tmp_path)
    assert done.status == 1, done.stderr
    assert done.stdout.count('\nproblem: ') == 1
    assert 'Traceback' not in done.stderr


def test_it_reports_which_domains_update_the_running_averages(check, roots):
    assert 'batch norm' not in check()[1]  # VGG has none
    head = dict(type='FCNHead', in_channels=8, in_index=4, channels=8, num_classes=19,
                norm_cfg=dict(type='BN'), loss_decode=dict(type='CrossEntropyLoss'))  # fmt: skip
    changes = {'model.decode_head': head, 'model.objectives': {}}
    changes['optim_wrapper'] = dict(
        constructor='JointOptimWrapperConstructor', segmentor=dict(optimizer=dict(type='Adam'))
    )
    _, said, _ = check(changes)
    assert re.search(r'batch norm +running averages are moved by target$', said, re.MULTILINE)
    for begin, words in ((0, 'kept'), (1500, 'moved by target up to iteration 1,500, then kept')):
        hook = dict(type='FreezeNormHook', begin=begin)
        _, said, _ = check({**changes, 'custom_hooks': [hook]})
        assert f'averages are {words} (FreezeNormHook)\n' in said
    status, said, problems = check({**changes, 'model.norm_statistics': 'all'})
    assert re.search(
        r'moved by source, target \(warning: norm_statistics="all" .*"auto" takes', said
    )
    assert not problems and status == 0
    assert 'names real, but' in check({**changes, 'model.norm_statistics': ['real']})[2][0]
    load = [dict(type='LoadCheckedImage'), dict(type='LoadMappedAnnotations'), PACK]
    city = dict(type='CityscapesIdsDataset', data_root=str(roots['CityscapesIdsDataset']))
    changes[f'{DOMAINS}.unlabeled'] = {**city, 'pipeline': load}
    samples = dict(source=2, target=2, unlabeled=2)
    changes['train_dataloader.sampler.samples_per_domain'] = samples
    said = check({**changes, 'train_dataloader.batch_size': 6})[1]
    assert re.search(r'averages are moved by target, unlabeled$', said, re.MULTILINE)


@pytest.mark.parametrize('count', [255, 256, 300])
def test_more_classes_than_labels_can_name_are_a_problem(check, roots, count):
    source = dict(
        type='BaseSegDataset',
        data_root=str(roots['GTADataset']),
        data_prefix=dict(img_path='images', seg_map_path='labels'),
        img_suffix='.png',
        metainfo=dict(classes=[f'class {index}' for index in range(count)]),
        pipeline=[dict(type='LoadCheckedImage'), dict(type='LoadAnnotations'), PACK],
    )
    _, said, problems = check({f'{DOMAINS}.source': source})
    refused = any(f'source has {count} classes: leave at most 255' in x for x in problems)
    assert refused == (count > 255), problems
    assert re.search(r'source +3 images, 3 of them read', said)
