from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_joint.benchmark import photographs
from mmseg_joint.benchmark.data_path import IMAGES, DataPathReport, Reading, measure_data_path
from mmseg_joint.benchmark.photographs import draw, draw_label, smooth_noise, write_like
from mmseg_joint.errors import JointError

PIPELINE = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadMappedAnnotations'),
    dict(type='Resize', scale=(32, 16)),
    dict(type='PackSegInputs'),
]
RANDOM = [*PIPELINE[:2], dict(type='RandomResize', scale=(9, 9), ratio_range=(1, 2))]
GTA = dict(type='GTADataset', data_root='absent', pipeline=PIPELINE)
CITY = dict(type='CityscapesIdsDataset', data_root='absent', pipeline=PIPELINE)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(photographs, 'SIZES', {'GTADataset': (52, 40)})
    monkeypatch.setattr(photographs, 'CITYSCAPES_SIZE', (64, 32))


def config(**domains) -> Config:
    return Config(dict(train_dataloader=dict(dataset=dict(type='JointDataset', domains=domains))))


def test_every_dataset_is_measured_with_and_without_a_copy():
    synthia = [dict(type='LoadCheckedImage'), dict(type='LoadSynthiaAnnotations'), *PIPELINE[2:]]
    synthia = dict(type='SynthiaDataset', data_root='absent', pipeline=synthia)
    mixed = dict(type='MixedDataset', shares=(1, 1), datasets=[GTA, synthia])
    subset = dict(type='LabelSubset', count=100, dataset=dict(CITY, ann_file='absent.txt'))
    threads = torch.get_num_threads()
    report = measure_data_path(config(source=mixed, target=subset, unlabeled=CITY), rounds=2)
    assert torch.get_num_threads() == threads
    names = [(one.domain, one.dataset, one.size) for one in report.readings]
    assert names == [
        ('source', 'GTADataset', (52, 40)),
        ('source', 'SynthiaDataset', (64, 32)),
        ('target', 'CityscapesIdsDataset', (64, 32)),
        ('unlabeled', 'CityscapesIdsDataset', (64, 32)),
    ]
    for one in report.readings:
        assert len(one.seconds) == len(one.prepared) == 2 * IMAGES
        assert one.note is None


def test_datasets_that_cannot_be_prepared_are_reported():
    report = measure_data_path(config(source=dict(GTA, pipeline=RANDOM)), rounds=1)
    assert report.readings[0].gain is None
    assert "domain 'source' cannot be prepared" in str(report)
    with pytest.raises(JointError, match='no dataset that reads raw labels'):
        measure_data_path(config(source=dict(type='StreetsDataset', count=3)), rounds=1)


def test_the_report_compares_medians():
    one = Reading('source', 'GTADataset', (4, 2), [0.5, 0.4, 9.0], [0.1, 0.2, 0.1])
    other = Reading('target', 'GTADataset', (4, 2), [0.5], [0.25])
    assert one.gain == pytest.approx(5)
    cells = ['source: GTADataset, 4x2', '2.0', '10.0', '5.0 (met)']
    assert one.row() == cells
    assert '2.0 (missed)' in str(DataPathReport([one, other]))
    assert [row['gain'] for row in DataPathReport([one, other]).as_dict()['readings']] == [5, 2]


def test_noise_has_the_requested_spectrum():
    field = smooth_noise(np.random.default_rng(0), (512, 256), 1.5)
    assert field.shape == (256, 512)
    assert field.mean() == pytest.approx(0, abs=1e-9)
    assert field.std() == pytest.approx(1)
    power = np.abs(np.fft.rfft2(field)) ** 2
    radius = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(512)[None])
    low = power[(radius > 0.04) & (radius < 0.06)].mean()
    high = power[(radius > 0.19) & (radius < 0.21)].mean()
    assert low / high == pytest.approx(4**3, rel=0.15)  # a quarter of the frequency, 1.5 twice


def test_images_compress_as_photographs_do(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(draw(rng, (512, 512))).save(tmp_path / 'a.png')
    bits = 8 * (tmp_path / 'a.png').stat().st_size / (512 * 512 * 3)
    assert 2 < bits < 4
    label = draw_label(rng, (64, 32), [3, 200])
    assert set(np.unique(label)) == {3, 200}


def test_the_dataset_reads_what_was_written(tmp_path):
    for cfg in (GTA, CITY, dict(CITY, labeled=False, pipeline=[PIPELINE[0], *PIPELINE[2:]])):
        root = tmp_path / f'{cfg["type"]}{len(cfg)}'
        dataset = DATASETS.build(dict(cfg, data_root=str(root), lazy_init=True))
        write_like(dataset, 2)
        dataset.full_init()
        assert [sample['inputs'].shape for sample in dataset] == [(3, 16, 32)] * 2
