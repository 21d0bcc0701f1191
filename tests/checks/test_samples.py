from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from mmcv.transforms import LoadAnnotations
from PIL import Image

from mmseg_joint.checks.samples import check_paths, check_sizes, single_datasets, spread
from mmseg_joint.errors import JointError


class Listed:
    """Images of a folder and what else a dataset of mmseg's has."""

    img_suffix, ann_file = '.jpg', 'list.txt'
    pipeline = SimpleNamespace(transforms=[LoadAnnotations()])

    def __init__(self, folder, names, labels=True, **more):
        self.samples = [dict(img_path=f'{folder}/{name}.jpg', **more) for name in names]
        for sample, name in zip(self.samples, names):
            if labels:
                sample['seg_map_path'] = f'{folder}/{name}.png'

    def __len__(self):
        return len(self.samples)

    def get_data_info(self, index):
        return self.samples[index]


@pytest.fixture
def folder(tmp_path):
    for name in 'abc':
        Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(tmp_path / f'{name}.jpg')
        Image.fromarray(np.zeros((4, 6), np.uint8)).save(tmp_path / f'{name}.png')
    return tmp_path


def test_whole_datasets_pass(folder):
    check_paths(None, Listed(folder, 'abc'), 'data')
    check_sizes(None, Listed(folder, 'abc'), 'data')
    check_paths(None, Listed('s3://bucket', 'abc'), 'data')  # not looked for
    check_paths(None, Listed('streets', 'abc', street=1), 'data')  # rendered on the fly
    stored = Listed('elsewhere', 'abc')
    stored.backend_args = dict(backend='petrel')
    check_paths(None, stored, 'data')


@pytest.mark.parametrize(
    ('names', 'sentence'),
    [
        ('abd', r"data: 1 of 3 images are not there, first '.*/d\.jpg': put it there"),
        (('a', ''), "the list 'list.txt' has a blank line: delete it"),
        (('a.jpg',), "has names with '.jpg', which img_suffix adds"),
    ],
)
def test_missing_images(folder, names, sentence):
    with pytest.raises(JointError, match=sentence):
        check_paths(None, Listed(folder, names), 'data')


def test_an_image_with_another_end(folder):
    (folder / 'e.webp').touch()
    with pytest.raises(JointError, match=r"there is 'e\.webp': set img_suffix='\.webp'"):
        check_paths(None, Listed(folder, 'e'), 'data')


def test_missing_labels(folder):
    (folder / 'b.png').unlink()
    domains = SimpleNamespace(domains=dict(target=Listed(folder, 'abc')))
    with pytest.raises(JointError, match=r'key\.domains\.target: 1 of 3 images have no label, .*b'):
        check_paths(None, domains, 'key')
    with pytest.raises(JointError, match=r'data has no labels: set data_prefix\.seg_map_path'):
        check_paths(None, Listed(folder, 'abc', labels=False), 'data')


def test_sizes_differ_by_no_more_than_the_tolerance(folder):
    Image.fromarray(np.zeros((5, 6), np.uint8)).save(folder / 'c.png')
    with pytest.raises(JointError, match=r"the label '.*c\.png' has 6x5 pixels but .* has 6x4"):
        check_sizes(None, Listed(folder, 'abc'), 'data')
    check_sizes(None, Listed(folder, 'abc', size_tolerance=1), 'data')


def test_places_of_the_datasets():
    inner = SimpleNamespace(get_data_info=None)
    chain = SimpleNamespace(datasets=[inner, inner])
    joint = SimpleNamespace(domains=dict(a=chain, b=inner))
    assert [key for key, _ in single_datasets(joint, 'k')] == [
        'k.domains.a.0',
        'k.domains.a.1',
        'k.domains.b',
    ]


def test_numbers_are_spread():
    assert spread(3, 5) == [0, 1, 2]
    assert spread(101, 3) == [0, 50, 100]
    many = spread(25_000, 32)
    assert (len(many), many[0], many[-1]) == (32, 0, 24_999)
    assert max(np.diff(many)) - min(np.diff(many)) <= 1
