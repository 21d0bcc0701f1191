from __future__ import annotations

import os

import numpy as np
import pytest
from mmseg.registry import DATASETS

from mmseg_joint.datasets.randomness import permutation
from mmseg_joint.errors import JointError
from tests.datasets.test_mixed_dataset import Numbers


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


@pytest.mark.parametrize('fraction, count', [(0.001, 1), (0.3, 2), (0.3125, 3), (1, 8), (1.0, 8)])
def test_fraction(inner, fraction, count):
    assert subset(inner, fraction=fraction).names == subset(inner, count=count).names


def test_samples_are_the_inner_ones(inner):
    chosen, whole = subset(inner, count=3), DATASETS.build(inner)
    paths = [whole.get_data_info(i)['img_path'] for i in range(8)]
    assert len(chosen) == 3 and chosen.metainfo == whole.metainfo
    assert (chosen.img_suffix, chosen.data_prefix) == (whole.img_suffix, whole.data_prefix)
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


def test_several_datasets_have_names_of_their_own_folders(inner, tmp_path, write_cityscapes):
    other = tmp_path / 'elsewhere'
    write_cityscapes(other, count=5)
    two = [inner, {**inner, 'data_root': str(other)}]
    order = permutation(13, 3, 'subset').tolist()
    both = sorted([*map(name, range(8)), *map(name, range(5))])
    wanted = sorted(both[i] for i in order[:6])
    for dataset in (
        two,
        {'type': 'ConcatDataset', 'datasets': two},
        {'type': 'Unlabeled', 'dataset': {'type': 'ConcatDataset', 'datasets': two}},
    ):
        chosen = subset(dataset, count=6, seed=3)
        assert chosen.names == wanted
        paths = [chosen.get_data_info(i)['img_path'] for i in range(6)]
        assert [path.split('train/')[-1] for path in paths] == wanted
        assert {str(other) in path for path in paths} == {True, False}
    (tmp_path / 'list.txt').write_text(name(6).removesuffix('_leftImg8bit.png'))
    assert subset(two, list_file=str(tmp_path / 'list.txt')).names == [name(6)]
    (tmp_path / 'list.txt').write_text(name(2))
    with pytest.raises(JointError, match=rf"list\.txt' names \['{name(2)}'\], .* several datasets"):
        len(subset(two, list_file=str(tmp_path / 'list.txt')))
    two[1]['metainfo'] = {'classes': ('road',), 'palette': [[0, 0, 0]]}
    with pytest.raises(JointError, match=r'LabelSubset.dataset.0 has 19 classes'):
        subset(two, count=6)
    with pytest.raises(JointError, match=r'LabelSubset.dataset is an empty list: name its data'):
        subset([], count=6)


def test_an_image_that_occurs_twice_counts_once(inner):
    for repeated in (
        {'type': 'RepeatDataset', 'times': 2, 'dataset': inner},
        {'type': 'MixedDataset', 'datasets': [{**inner, 'indices': 2}, inner], 'shares': [1, 1]},
        [inner, {'type': 'LabelSubset', 'dataset': inner, 'count': 2}],
    ):
        for held_out in (False, True):
            chosen = subset(repeated, count=5, seed=1, held_out=held_out)
            assert chosen.names == subset(inner, count=5, seed=1, held_out=held_out).names
            assert len(chosen) == (3 if held_out else 5)
            assert chosen.get_data_info(0)['img_path'].endswith(chosen.names[0])


@pytest.mark.parametrize('cut', [0, len('.png'), len('_leftImg8bit.png')])
def test_list_file(inner, tmp_path, cut):
    lines = [name(i)[: len(name(i)) - cut] for i in (6, 1)]
    (tmp_path / 'list.txt').write_text(' \n'.join(lines) + '\n \n')
    assert subset(inner, list_file=str(tmp_path / 'list.txt')).names == [name(1), name(6)]


class Foreign:
    """Another package's wrapper."""

    def __init__(self, dataset):
        self.dataset, self.full_init = dataset, dataset.full_init

    def get_data_info(self, index):
        return self.dataset.get_data_info(index)

    def __len__(self):
        return len(self.dataset)


@pytest.mark.parametrize('cut', [0, len('.png'), len('_leftImg8bit.png')])
def test_names_are_the_same_around_a_wrapper(inner, tmp_path, cut):
    (tmp_path / 'list.txt').write_text(name(6)[: len(name(6)) - cut])
    for wrapped in (
        {'type': 'Unlabeled', 'dataset': inner},
        {'type': 'LabelSubset', 'fraction': 1, 'dataset': inner},
        {'type': 'LabelSubset', 'fraction': 1, 'dataset': {'type': 'Unlabeled', 'dataset': inner}},
        Foreign(DATASETS.build(inner)),
    ):
        assert subset(wrapped, list_file=str(tmp_path / 'list.txt')).names == [name(6)]
    unlabeled = subset({'type': 'Unlabeled', 'dataset': inner}, count=3, seed=2)
    assert unlabeled.names == subset(inner, count=3, seed=2).names
    assert not unlabeled.labeled


def test_images_that_are_no_files_keep_their_order():
    numbers = Numbers('a', 12)
    numbers.get_data_info = lambda index: {}
    assert [subset(numbers, fraction=1)[i] for i in range(12)] == [('a', i) for i in range(12)]


@pytest.mark.parametrize(
    'text, message',
    [
        ('nobody\n', r"list\.txt' names \['nobody'\], which are not among the images"),
        (f'{name(1)}\n{name(1)[:-4]}\n', r"list\.txt' names \['aachen/aachen_000001.*more than"),
        ('\n', 'names no image'),
    ],
)
def test_refuses_bad_lists(inner, tmp_path, text, message):
    (tmp_path / 'list.txt').write_text(text)
    with pytest.raises(JointError, match=message):
        len(subset(inner, list_file=str(tmp_path / 'list.txt')))


@pytest.mark.parametrize(
    'kwargs, message',
    [
        ({}, 'exactly one of count, fraction and list_file'),
        ({'count': 1, 'fraction': 0.5}, r'count=1, fraction=0\.5'),
        ({'count': 0}, 'from 1 to 8.* but is 0'),
        ({'count': 9}, 'from 1 to 8.* but is 9'),
        ({'fraction': 0.0}, r'fraction must be above 0 and at most 1, but is 0\.0'),
        ({'fraction': 1.5}, r'but is 1\.5'),
        ({'list_file': '/no/list'}, r"'/no/list' is neither a file nor .*\(cityscapes/…\)"),
        ({'list_file': 'cityscapes/no.txt'}, r'neither a file nor .*0050_seed0, .*train\)'),
        ({'list_file': '{count}.txt'}, r'a list_file with \{count\} needs count too'),
        ({'list_file': '{count}.txt', 'count': 1, 'fraction': 0.5}, 'exactly one of'),
        ({'list_file': 'fixed.txt', 'count': 1}, 'exactly one of'),
        ({'list_file': '{seed}.txt', 'count': 1}, 'exactly one of'),
        ({'list_file': '{count}.txt', 'count': 9}, 'count must be from 1 to 8'),
        ({'list_file': '{many}.txt'}, r"'\{many\}\.txt' has braces"),
        ({'list_file': '{.txt'}, 'has braces'),
        ({'list_file': '{count:q}.txt', 'count': 1}, 'has braces'),
        ({'count': 8, 'held_out': True}, 'held_out leaves no image: the subset has all 8'),
    ],
)
def test_refuses_bad_numbers(inner, kwargs, message):
    with pytest.raises(JointError, match=message):
        len(subset(inner, **kwargs))


@pytest.mark.parametrize('count, seed', [(2, 0), (2, 1), (3, 0)])
def test_one_value_picks_the_list(inner, tmp_path, count, seed):
    chosen = [name(i) for i in range(seed, seed + count)]
    (tmp_path / f'{count:04d}_s{seed}.txt').write_text('\n'.join(chosen))
    template = str(tmp_path / '{count:04d}_s{seed}.txt')
    assert subset(inner, list_file=template, count=count, seed=seed).names == chosen


def test_a_list_may_be_picked_by_the_seed_alone(inner, tmp_path):
    (tmp_path / '3.txt').write_text(name(5))
    assert subset(inner, list_file=str(tmp_path / '{seed}.txt'), seed=3).names == [name(5)]


def test_all_images_need_no_list(inner):
    assert len(subset(inner, list_file='/no/{count}.txt', count=8)) == 8
    with pytest.raises(JointError, match=r"'/no/7\.txt' is neither"):
        len(subset(inner, list_file='/no/{count}.txt', count=7))


@pytest.mark.parametrize('count', [1, 3])
def test_refuses_a_list_of_another_length(inner, tmp_path, count):
    (tmp_path / f'{count}.txt').write_text(f'{name(0)}\n{name(1)}\n')
    with pytest.raises(JointError, match=rf"{count}\.txt' names 2 images, but count is {count}"):
        len(subset(inner, list_file=str(tmp_path / '{count}.txt'), count=count))


@pytest.mark.parametrize('how', [{'count': 3, 'seed': 1}, {'fraction': 0.5}, {'list_file': 'L'}])
def test_held_out_is_the_rest(inner, tmp_path, monkeypatch, how):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'L').write_text(name(6))
    labeled, held_out = subset(inner, **how), subset(inner, held_out=True, **how)
    assert not set(labeled.names) & set(held_out.names)
    assert sorted(labeled.names + held_out.names) == [name(i) for i in range(8)]
    paths = {held_out.get_data_info(i)['img_path'] for i in range(len(held_out))}
    assert {path.split('train/')[-1] for path in paths} == set(held_out.names)


def test_a_list_in_the_folder_goes_before_one_that_ships(inner, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'cityscapes').mkdir()
    (tmp_path / 'cityscapes/train.txt').write_text(name(4))
    assert subset(inner, list_file='cityscapes/train.txt').names == [name(4)]
