"""Counts, frequencies of the draws, crops, and that a draw depends only on its seed."""

from __future__ import annotations

import os
from math import exp
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_joint.datasets import JointDataset, JointSampler, RareClassSampling
from mmseg_joint.datasets.rare_class_sampling import class_shares
from mmseg_joint.errors import JointError

CLASSES = ('road', 'car', 'sign')
# class 1 in two images, class 2 in one, and only in its lower right corner
LABELS = np.zeros((4, 40, 60), np.uint8)
LABELS[1, :20, :30], LABELS[2, 10:, 50:], LABELS[3, 30:, 50:] = 1, 1, 2
LABELS[0, :5] = 255
LABELS[0, 20, 20] = 2  # too few pixels to be drawn


class Streets(BaseSegDataset):
    METAINFO: ClassVar[dict] = dict(classes=CLASSES, palette=[[0, 0, 0]] * 3)


@pytest.fixture
def inner(tmp_path):
    for folder in ('images', 'labels'):
        (tmp_path / folder).mkdir()
    for number, labels in enumerate(LABELS):
        image = np.full((*labels.shape, 3), 50 * number, np.uint8)
        cv2.imwrite(str(tmp_path / f'images/{number}.png'), image)
        cv2.imwrite(str(tmp_path / f'labels/{number}.png'), labels)
    return dict(
        type=Streets,
        data_root=str(tmp_path),
        data_prefix=dict(img_path='images', seg_map_path='labels'),
        img_suffix='.png',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='RandomCrop', crop_size=(20, 20)),
            dict(type='PackSegInputs'),
        ],
    )


def sampling(inner, tmp_path, **values):
    values = dict(dict(min_pixels=50, cache=str(tmp_path / 'cache')), **values)
    dataset = RareClassSampling(inner, **values)
    dataset.full_init()
    return dataset


def test_counts_are_those_of_the_labels_and_kept_until_a_file_changes(inner, tmp_path, monkeypatch):
    dataset = sampling(inner, tmp_path)
    wanted = np.array([[(labels == k).sum() for k in range(3)] for labels in LABELS])
    assert (dataset.class_pixels() == wanted).all()
    opened = []
    monkeypatch.setattr(
        'mmseg_joint.datasets.rare_class_sampling._count',
        lambda *_: opened.append(1) or pytest.fail('counted again'),
    )
    again = sampling(inner, tmp_path)
    again[0]  # mmseg's LoadAnnotations changes when it loads
    assert (again.class_pixels() == wanted).all() and not opened
    monkeypatch.undo()
    changed = LABELS[1].copy()
    changed[20:, :] = 2
    cv2.imwrite(str(tmp_path / 'labels/1.png'), changed)
    counts = sampling(inner, tmp_path).class_pixels()
    assert counts[1].tolist() == [600, 600, 1200]
    for value in (1, 2):  # in files of the same size
        options = cv2.IMWRITE_PNG_COMPRESSION, 0
        cv2.imwrite(str(tmp_path / 'labels/1.png'), np.full_like(changed, value), options)
        os.utime(tmp_path / 'labels/1.png', (value, value))
        assert sampling(inner, tmp_path).class_pixels()[1, value] == changed.size
    for number in (2, 3):  # without a label map
        metainfo = dict(classes=CLASSES[:number], palette=[[0, 0, 0]] * number)
        plain = dict(inner, type='BaseSegDataset', metainfo=metainfo)
        assert sampling(plain, tmp_path).class_pixels().shape == (4, number)
    fewer = dict(inner, metainfo=dict(classes=('car', 'sign'), palette=[[0, 0, 0]] * 2))
    assert sampling(fewer, tmp_path).class_pixels()[3].tolist() == [0, 100]  # by the label map
    turned = dict(inner, metainfo=dict(classes=CLASSES[::-1], palette=[[0, 0, 0]] * 3))
    assert sampling(turned, tmp_path).class_pixels()[3].tolist() == [100, 0, 2300]
    reduced = dict(inner, reduce_zero_label=True)
    assert sampling(reduced, tmp_path).class_pixels()[3].tolist() == [0, 100, 0]


def test_counts_are_not_those_of_another_loading_step(inner, tmp_path, monkeypatch):
    def counts(**step):
        cfg = dict(inner, pipeline=[dict(type='LoadImageFromFile'), step])
        with np.printoptions(threshold=0, edgeitems=1):  # numpy may shorten what it prints
            return RareClassSampling(cfg, cache=str(tmp_path / 'cache')).class_pixels().tolist()

    colors = [[value] * 3 for value in (0, 1, 2)]
    ignored = dict(ignored=[[255] * 3])
    as_they_are = counts(type='LoadColorAnnotations', colors=colors, **ignored)
    assert as_they_are[1] == [1800, 600, 0]
    reordered = counts(type='LoadColorAnnotations', colors=colors[::-1], **ignored)
    assert reordered[1] == [0, 600, 1800]
    fewer = counts(type='LoadColorAnnotations', colors=colors[:2], ignored=[[255] * 3, colors[2]])
    assert fewer[3] == [2300, 0, 0]
    moved = counts(type='LoadMappedAnnotations', reduce_zero_label=True)
    assert moved[1] == [600, 0, 0]
    assert counts(type='LoadMappedAnnotations') == as_they_are
    monkeypatch.setattr(
        'mmseg_joint.datasets.rare_class_sampling._count', lambda *_: pytest.fail('counted again')
    )
    assert counts(type='LoadColorAnnotations', colors=colors, **ignored) == as_they_are


@pytest.mark.parametrize('temperature', [0.001, 0.01, 0.1, 2.0])
def test_shares_are_the_formulas(temperature):
    counts = np.array([[900, 80, 0], [1000, 15, 5]])
    shares = class_shares(counts, temperature)
    frequency = [1900 / 2000, 95 / 2000, 5 / 2000]
    weights = [exp((frequency[2] - f) / temperature) for f in frequency]  # e^1000 overflows
    assert shares == pytest.approx([w / sum(weights) for w in weights], rel=1e-9)


@pytest.mark.parametrize(('times', 'temperature'), [(24, 0.1), (25, 0.01)])
def test_the_temperature_depends_on_the_number_of_images(inner, tmp_path, times, temperature):
    dataset = sampling(dict(type='RepeatDataset', times=times, dataset=inner), tmp_path)
    counts = dataset.class_pixels()
    assert len(counts) == 4 * times
    assert dataset.shares == pytest.approx(class_shares(counts, temperature))


@pytest.mark.parametrize(('min_pixels', 'drawn'), [(100, 3), (101, 2), (601, 1)])
def test_a_class_is_drawn_if_an_image_has_as_many_pixels(inner, tmp_path, min_pixels, drawn):
    dataset = sampling(inner, tmp_path, min_pixels=min_pixels, temperature=0.5, tries=1)
    shares = class_shares(dataset.class_pixels(), 0.5)[:drawn]
    assert dataset.shares == pytest.approx([*shares / shares.sum(), *[0] * (3 - drawn)])
    for _ in range(30):
        assert dataset[0]['inputs'].shape == (3, 20, 20)


def test_drawn_as_often_as_the_formula_says(inner, tmp_path):
    dataset = sampling(inner, tmp_path, temperature=0.5, tries=1)
    np.random.seed(0)
    paths = [dataset[0]['data_samples'].img_path for _ in range(1500)]
    p = dataset.shares
    assert p.sum() == pytest.approx(1) and p[2] > p[1] > p[0] > 0.05
    # road is in all four, car in the second and third, sign in the fourth
    wanted = np.array([p[0] / 4, p[0] / 4 + p[1] / 2, p[0] / 4 + p[1] / 2, p[0] / 4 + p[2]])
    found = [sum(path.endswith(f'{number}.png') for path in paths) / 1500 for number in range(4)]
    assert np.abs(found - wanted).max() < 0.04


def test_the_crop_holds_half_of_min_pixels(inner, tmp_path):
    only_signs = dict(inner, metainfo=dict(classes=('sign',), palette=[[0, 0, 0]]))
    np.random.seed(0)
    shares = {}
    for tries in (1, 100):
        dataset = sampling(only_signs, tmp_path, tries=tries)
        held = [(dataset[0]['data_samples'].gt_sem_seg.data == 0).sum() >= 25 for _ in range(30)]
        shares[tries] = np.mean(held)
    assert shares[1] < 0.3 and shares[100] == 1


def test_the_image_that_was_drawn_is_loaded_again(inner, tmp_path, monkeypatch):
    only_cars = dict(inner, metainfo=dict(classes=('car',), palette=[[0, 0, 0]]))
    dataset = sampling(only_cars, tmp_path, min_pixels=300, tries=9)
    load, loaded = Streets.__getitem__, []
    monkeypatch.setattr(
        Streets, '__getitem__', lambda self, index: loaded.append(index) or load(self, index)
    )
    np.random.seed(0)
    times = {1: [], 2: []}
    for _ in range(20):
        loaded.clear()
        dataset[0]
        assert len(set(loaded)) == 1
        times[loaded[0]].append(len(loaded))
    assert max(times[1]) > 1 and max(times[2]) > 1


def test_a_file_that_breaks_later_is_named(inner, tmp_path):
    cfg = dict(min_pixels=50, temperature=0.001, cache=str(tmp_path / 'cache'))
    dataset = JointDataset(dict(source=inner), rare_classes=dict(source=cfg))
    (tmp_path / 'images/3.png').write_bytes(b'nothing')  # the only one with the rarest class
    with pytest.raises(JointError, match=r"the image '.*images/3\.png' is broken"):
        dataset[0]


def test_depends_only_on_the_draw_and_can_skip(inner, tmp_path):
    def loaded(number, skip):
        dataset = JointDataset(
            dict(source=inner, target=inner),
            rare_classes=dict(source=dict(min_pixels=50, cache=str(tmp_path / 'cache'))),
        )
        sampler = JointSampler(dataset, dict(source=2, target=1), seed=4)
        sampler.skip(skip)
        draws = iter(sampler)
        np.random.seed(skip)  # as if other draws came before
        samples = [dataset[next(draws)] for _ in range(number)]
        return [(s['inputs'].sum().item(), s['data_samples'].img_path) for s in samples]

    whole = loaded(9, 0)
    assert loaded(5, 4) == whole[4:]


def test_only_the_named_domains_are_sampled_and_with_the_papers_numbers(inner):
    parts = dict(source=inner, target=inner, other=inner)
    dataset = JointDataset(parts, lazy_init=True, rare_classes=dict(source=dict(), target=None))
    sampled = dataset.domains.pop('source')
    assert isinstance(sampled, DATASETS.get('RareClassSampling'))
    assert (sampled.min_pixels, sampled.tries) == (3000, 10)
    assert all(isinstance(part, Streets) for part in dataset.domains.values())


@pytest.mark.parametrize(
    'wrap',
    [
        lambda inner: dict(type='LabelSubset', count=2, dataset=inner),
        lambda inner: dict(type='MixedDataset', datasets=[inner, inner], shares=[1, 1]),
    ],
)
def test_around_other_wrappers(inner, tmp_path, wrap):
    dataset = sampling(wrap(inner), tmp_path)
    counts = dataset.class_pixels()
    assert len(counts) == len(dataset) and len(dataset[0]['inputs']) == 3
    for row, index in zip(counts, range(len(dataset))):
        number = int(dataset.get_data_info(index)['img_path'][-5])
        assert row.tolist() == [(LABELS[number] == k).sum() for k in range(3)]


@pytest.mark.parametrize(
    'wrap',
    [
        lambda parts: JointDataset(dict(source=parts)).domains['source'],
        lambda parts: dict(type='MixedDataset', datasets=parts, shares=[1, 3, 1]),
        lambda parts: dict(type='ConcatDataset', datasets=parts),
        lambda parts: dict(
            type='ConcatDataset',
            datasets=[parts[0], dict(type='ConcatDataset', datasets=parts[1:])],
        ),
        lambda parts: dict(
            type='LabelSubset', count=9, dataset=dict(type='ConcatDataset', datasets=parts)
        ),
        lambda parts: dict(
            type='RepeatDataset', times=2, dataset=dict(type='ConcatDataset', datasets=parts)
        ),
    ],
)
def test_each_label_is_read_as_its_own_dataset_reads_it(inner, tmp_path, wrap):
    colors = [[value] * 3 for value in (0, 1, 2)]
    steps = [
        dict(type='LoadMappedAnnotations'),
        dict(type='LoadColorAnnotations', colors=colors[::-1], ignored=[[255] * 3]),
        dict(type='LoadColorAnnotations', colors=colors, ignored=[[255] * 3]),
    ]
    load, pack = dict(type='LoadImageFromFile'), dict(type='PackSegInputs')
    parts = []
    for number, step in enumerate(steps):  # in folders of their own
        (tmp_path / f'link{number}').symlink_to(tmp_path)
        place = dict(data_root=str(tmp_path / f'link{number}'))
        parts.append({**inner, **place, 'pipeline': [load, step, pack]})
    dataset = sampling(wrap(parts), tmp_path)
    counts = dataset.class_pixels()
    assert len(counts) == len(dataset) >= 9
    for row, index in zip(counts, range(len(counts))):
        label = dataset.dataset[index]['data_samples'].gt_sem_seg.data
        assert row.tolist() == [(label == k).sum() for k in range(3)]


def test_refusals(inner, tmp_path):
    with pytest.raises(JointError, match=r'min_pixels is 5000, but no image .* 2300.*: lower it'):
        RareClassSampling(inner, min_pixels=5000, cache=str(tmp_path)).full_init()
    with pytest.raises(JointError, match=r'temperature is 0: give a number above 0'):
        RareClassSampling(inner, temperature=0)
    with pytest.raises(JointError, match=r'min_pixels is 0: give a whole number from 1'):
        RareClassSampling(inner, min_pixels=0)
    with pytest.raises(JointError, match=r'tries is 0: give a whole number from 1'):
        RareClassSampling(inner, tries=0)
    with pytest.raises(JointError, match='needs labels, but its dataset is unlabeled'):
        RareClassSampling(dict(type='Unlabeled', dataset=inner))
    with pytest.raises(JointError, match=r'rare_classes names the domain "x", but there is only'):
        JointDataset(dict(source=inner), rare_classes=dict(x=dict()))
    inner['pipeline'] = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
    with pytest.raises(JointError, match='finds no LoadAnnotations in the pipeline'):
        sampling(inner, tmp_path)


def test_labels_are_counted_on_the_cores_that_may_be_used(inner, tmp_path, monkeypatch):
    threads = []

    def on_threads(function, *values, max_workers, **_):
        threads.append(max_workers)
        return list(map(function, *values))

    monkeypatch.setattr('mmseg_joint.datasets.rare_class_sampling.thread_map', on_threads)
    monkeypatch.setattr(os, 'cpu_count', lambda: 64)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _: range(3), raising=False)
    sampling(inner, tmp_path)
    assert threads == [3]


def test_the_cache_is_the_users(inner, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', '/elsewhere')
    assert RareClassSampling(inner).cache == Path('/elsewhere/mmseg_joint/class_pixels')
    monkeypatch.delenv('XDG_CACHE_HOME')
    assert RareClassSampling(inner).cache == Path.home() / '.cache/mmseg_joint/class_pixels'


def test_counts_that_cannot_be_cached_are_only_reported(inner, tmp_path, capsys):
    (tmp_path / 'file').touch()
    dataset = RareClassSampling(inner, min_pixels=50, cache=str(tmp_path / 'file'))
    assert len(dataset.class_pixels()) == len(LABELS)
    assert 'The counts cannot be kept' in capsys.readouterr().out
