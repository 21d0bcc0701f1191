from __future__ import annotations

import os

import numpy as np
import pytest
from mmseg.registry import DATASETS

from mmseg_joint.datasets.randomness import permutation
from mmseg_joint.errors import JointError


@pytest.fixture
def inner(tmp_path, write_cityscapes, pipeline):
    write_cityscapes(tmp_path, count=8)
    return {
        'type': 'CityscapesIdsDataset',
        'data_root': str(tmp_path),
        'pipeline': pipeline(),
    }


def subset(inner, **kwargs):
    return DATASETS.build({'type': 'LabelSubset', 'dataset': inner, **kwargs})


def name(i):
    return f'aachen/aachen_{i:06d}_000019_leftImg8bit.png'


def test_is_the_start_of_one_permutation_and_nested(inner):
    order = permutation(8, 3, 'subset').tolist()
    for count in range(1, 9):
        assert subset(inner, count=count, seed=3).names == sorted(name(i) for i in order[:count])
    assert subset(inner, count=4, seed=4).names != subset(inner, count=4, seed=3).names


@pytest.mark.parametrize('share, count', [(0.001, 1), (0.25, 2), (0.32, 3), (1, 8), (1.0, 8)])
def test_share(inner, share, count):
    assert subset(inner, share=share).names == subset(inner, count=count).names


def test_samples_are_the_inner_ones(inner):
    chosen, whole = subset(inner, count=3), DATASETS.build(inner)
    paths = [whole.get_data_info(i)['img_path'] for i in range(8)]
    assert len(chosen) == 3 and chosen.metainfo == whole.metainfo
    for i in range(3):
        path = chosen.get_data_info(i)['img_path']
        assert path.endswith(chosen.names[i])
        wanted, got = whole[paths.index(path)], chosen[i]
        np.testing.assert_array_equal(got['inputs'], wanted['inputs'])
        np.testing.assert_array_equal(
            got['data_samples'].gt_sem_seg.data, wanted['data_samples'].gt_sem_seg.data
        )


def test_does_not_depend_on_the_order_of_listing(inner, monkeypatch):
    wanted = subset(inner, count=3).names
    scandir = os.scandir
    monkeypatch.setattr(os, 'scandir', lambda p: reversed(list(scandir(p))))
    assert subset(inner, count=3).names == wanted
    two = {'type': 'ConcatDataset', 'datasets': [inner]}
    absolute = subset(two, count=3).names
    assert [a.split('train/')[-1] for a in absolute] == wanted


@pytest.mark.parametrize('cut', [0, len('.png'), len('_leftImg8bit.png')])
def test_list_file(inner, tmp_path, cut):
    lines = [name(i)[: len(name(i)) - cut] for i in (6, 1)]
    (tmp_path / 'list.txt').write_text('\n'.join(lines) + '\n\n')
    assert subset(inner, list_file=str(tmp_path / 'list.txt')).names == [name(1), name(6)]


@pytest.mark.parametrize(
    'text, message',
    [
        ('nobody\n', r"list\.txt' names \['nobody'\], which are not among the pictures"),
        (f'{name(1)}\n{name(1)[:-4]}\n', r"list\.txt' names \['aachen/aachen_000001.*more than"),
        ('\n', 'names no picture'),
    ],
)
def test_refuses_bad_lists(inner, tmp_path, text, message):
    (tmp_path / 'list.txt').write_text(text)
    with pytest.raises(JointError, match=message):
        len(subset(inner, list_file=str(tmp_path / 'list.txt')))


@pytest.mark.parametrize(
    'kwargs, message',
    [
        ({}, 'exactly one of count, share and list_file'),
        ({'count': 1, 'share': 0.5}, r'count=1, share=0\.5'),
        ({'count': 0}, 'from 1 to 8.* but is 0'),
        ({'count': 9}, 'from 1 to 8.* but is 9'),
        ({'share': 0.0}, r'share must be above 0 and at most 1, but is 0\.0'),
        ({'share': 1.5}, r'but is 1\.5'),
        ({'list_file': '/no/list'}, r"'/no/list' cannot be read \(No such file"),
    ],
)
def test_refuses_bad_numbers(inner, kwargs, message):
    with pytest.raises(JointError, match=message):
        len(subset(inner, **kwargs))
