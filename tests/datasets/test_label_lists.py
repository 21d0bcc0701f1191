from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from mmseg_joint.datasets import LabelSubset
from mmseg_joint.datasets.label_lists.files import SHIPPED, read_names
from mmseg_joint.datasets.label_lists.write import CHECKSUMS, make_lists, read_checksums
from mmseg_joint.datasets.randomness import permutation

FOLDER = SHIPPED / 'cityscapes'
COUNTS, SEEDS = (50, 100, 200, 500, 1000), (0, 1, 2)
SUFFIX = '_leftImg8bit.png'
IMAGES_OF_A_CITY = {
    'aachen': 174, 'bochum': 96, 'bremen': 316, 'cologne': 154, 'darmstadt': 85,
    'dusseldorf': 221, 'erfurt': 109, 'hamburg': 248, 'hanover': 196, 'jena': 119, 'krefeld': 99,
    'monchengladbach': 94, 'strasbourg': 365, 'stuttgart': 196, 'tubingen': 144, 'ulm': 95,
    'weimar': 142, 'zurich': 122,
}  # fmt: skip


class Cityscapes:
    """Has the training set's names, but no images; its files are listed in random order."""

    data_prefix = {'img_path': '/data/leftImg8bit/train'}  # noqa: RUF012
    img_suffix = SUFFIX

    def __init__(self):
        names = read_names(FOLDER / 'train.txt')
        self.names = [names[i] for i in permutation(len(names), 'wild')]

    def full_init(self):
        pass

    def get_data_info(self, index):
        return {'img_path': f'/data/leftImg8bit/train/{self.names[index]}{SUFFIX}'}

    def __len__(self):
        return len(self.names)


@pytest.fixture(scope='module')
def cityscapes():
    return Cityscapes()


def shipped(count, seed):
    return read_names(FOLDER / f'{count:04d}_seed{seed}.txt')


def test_the_training_set_is_complete():
    names = read_names(FOLDER / 'train.txt')
    assert names == sorted(set(names)) and len(names) == 2975
    assert Counter(name.split('/')[0] for name in names) == IMAGES_OF_A_CITY
    for name in names:
        city, stem = name.split('/')
        parts = stem.split('_')
        assert parts[0] == city and [len(part) for part in parts[1:]] == [6, 6]
        assert all(part.isdigit() for part in parts[1:])


def test_checksums():
    sums = read_checksums(FOLDER)
    lists = sorted(path.name for path in FOLDER.glob('*.txt'))
    assert lists == sorted(sums) and len(lists) == 1 + len(COUNTS) * len(SEEDS)
    for name, digest in sums.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest
    # of the checksums themselves: a new list is noticed even if its checksum is new, too
    assert (
        hashlib.sha256((FOLDER / CHECKSUMS).read_bytes()).hexdigest().startswith('7da6938de5c685c6')
    )


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize('count', COUNTS)
def test_lists_are_what_a_subset_draws(cityscapes, count, seed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # they are found from any folder
    template = 'cityscapes/{count:04d}_seed{seed}.txt'
    listed = LabelSubset(cityscapes, count=count, seed=seed, list_file=template)
    drawn = LabelSubset(cityscapes, count=count, seed=seed)
    assert listed.names == drawn.names == [name + SUFFIX for name in shipped(count, seed)]
    held_out = LabelSubset(cityscapes, count, seed=seed, list_file=template, held_out=True)
    assert not set(held_out.names) & set(listed.names)
    assert len(held_out) == 2975 - count


def test_the_lists_are_what_the_tool_makes(cityscapes):
    made = make_lists(cityscapes, COUNTS, SEEDS)
    assert made == {path.name: read_names(path) for path in FOLDER.glob('*.txt')}
