from __future__ import annotations

from collections import Counter

import pytest
from mmseg.registry import DATASETS

from mmseg_joint.datasets import MixedDataset, Unlabeled
from mmseg_joint.errors import JointError


class Numbers:
    """`count` samples, each its own name and number."""

    def __init__(self, name, count, classes=('road',)):
        self.name, self.count, self.metainfo = name, count, dict(classes=classes)

    def full_init(self):
        pass

    def get_data_info(self, index):
        return self[index]

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        assert 0 <= index < self.count
        return self.name, index


@pytest.mark.parametrize('shares', [(1, 1), (2, 1), (1, 3), (1, 2)])
def test_shares_hold_and_every_image_is_shown(shares):
    mixed = MixedDataset([Numbers('a', 5), Numbers('b', 13)], shares)
    samples = [mixed[i] for i in range(len(mixed))]
    for start in range(0, len(samples), sum(shares)):
        part = Counter(name for name, _ in samples[start : start + sum(shares)])
        assert (part['a'], part['b']) == shares
    assert set(samples) == {('a', i) for i in range(5)} | {('b', i) for i in range(13)}
    seen = Counter(samples)
    for name, count in (('a', 5), ('b', 13)):  # each dataset repeats evenly
        times = [seen[name, i] for i in range(count)]
        assert max(times) - min(times) <= 1
    assert mixed.get_data_info(3) == samples[3]
    assert [sample for sample, _ in zip(mixed, range(2 * len(samples)))] == samples  # it ends


def test_real_datasets_with_different_label_formats(tmp_path, write_gta, write_synthia, pipeline):
    write_gta(tmp_path / 'gta', count=2)
    write_synthia(tmp_path / 'synthia', count=3)
    gta = dict(type='GTADataset', data_root=str(tmp_path / 'gta'), pipeline=pipeline())
    mixed = DATASETS.build(
        dict(
            type='MixedDataset',
            shares=(1, 1),
            datasets=[
                gta,
                dict(
                    type='SynthiaDataset',
                    data_root=str(tmp_path / 'synthia'),
                    pipeline=pipeline('LoadSynthiaAnnotations'),
                ),
            ],
        )
    )
    assert len(mixed) == 6 and mixed.labeled
    assert not MixedDataset([*mixed.datasets, Unlabeled(gta)], (1, 1, 1)).labeled
    folders = [mixed[i]['data_samples'].img_path for i in range(6)]
    assert [('synthia' in folder) for folder in folders] == [False, True] * 3


def test_wrong_shares_and_classes():
    a, b = Numbers('a', 2), Numbers('b', 2, classes=('sky',))
    for shares in ((1,), (1, 0), (1, 1, 1)):
        with pytest.raises(JointError, match=r'MixedDataset\.shares is .*each of the 2 datasets'):
            MixedDataset([a, a], shares)
    with pytest.raises(
        JointError, match=r"MixedDataset\.datasets\.0 has 1 classes .*'road'.*datasets\.1 has 1 "
    ):
        MixedDataset([a, b], (1, 1))


@pytest.mark.parametrize(
    'metainfo',
    [
        [dict(classes=['road', 'sky']), dict(classes=['road', 'sky'])],
        [dict(classes=['road', 'sky']), dict(classes=('road', 'sky'))],
        [dict(), dict()],
    ],
)
def test_classes_in_a_list_or_none_at_all(tmp_path, write_camvid, metainfo):
    write_camvid(tmp_path)
    inner = dict(
        type='BaseSegDataset',
        data_root=str(tmp_path),
        data_prefix=dict(img_path='images/train', seg_map_path='labels/train'),
    )
    mixed = MixedDataset([dict(inner, metainfo=meta) for meta in metainfo], (1, 1))
    assert len(mixed) == 6
