"""Labels of one's own: plain or palette files of class indices, other ids, and colors."""

from __future__ import annotations

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_joint.datasets import SampleRequest
from mmseg_joint.errors import JointError
from tests.pipelines.snippets import write_fields, write_files

STEPS = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
MAPPED = [dict(step, type=step['type'].replace('LoadAnn', 'LoadMappedAnn')) for step in STEPS]


@pytest.fixture
def domains(tmp_path, monkeypatch):
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    loader = Config.fromfile(tmp_path / 'my_data.py').my_train_dataloader
    domains = loader.dataset.domains
    for domain in domains.values():
        domain.pipeline = STEPS
    return domains


def labels_of(domains):
    dataset = DATASETS.build(dict(type='JointDataset', domains=domains))
    samples = [dataset[SampleRequest('target', i, i, i, 1, 0)]['data_samples'] for i in range(3)]
    return [sample.gt_sem_seg.data[0].numpy() for sample in samples]


def with_palette(labels):
    image = Image.fromarray(labels)
    image.putpalette(list(range(256)) * 3)
    return image


def in_colors(labels):
    return with_palette(labels).convert('RGB')


def test_plain_and_palette_files_give_the_same_classes(domains, tmp_path):
    write_fields(tmp_path / 'data')
    plain = labels_of(domains)
    assert set(np.unique(plain)) == {0, 1, 2, 3, 255}
    write_fields(tmp_path / 'data', save=with_palette)
    assert all(map(np.array_equal, plain, labels_of(domains)))


def test_other_ids_are_mapped(domains, tmp_path):
    write_fields(tmp_path / 'data')
    plain = labels_of(domains)
    write_fields(tmp_path / 'data', values=(7, 20, 21, 40, 0))
    loader = dict(type='LoadIdAnnotations', ids=[7, 20, 21, 40], ignored=[0])
    for name, domain in domains.items():
        domain.update(pipeline=STEPS if name == 'unlabeled' else [STEPS[0], loader, STEPS[2]])
    assert all(map(np.array_equal, plain, labels_of(domains)))


@pytest.mark.parametrize(
    ('steps', 'kind', 'reason'),
    [
        (STEPS, dict(values=(7, 20, 21, 40, 255)), r'holds \[7, 20, 21, 40\]'),
        (STEPS, dict(save=in_colors), ''),
        (MAPPED, dict(save=in_colors), 'of mode RGB, not one id a pixel'),
    ],
)
def test_other_files_are_refused_by_name(domains, tmp_path, steps, kind, reason):
    write_fields(tmp_path / 'data', **kind)
    domains.source.pipeline = domains.target.pipeline = steps
    with pytest.raises(JointError, match=rf"labels/train/0\.png'.*{reason}"):
        labels_of(domains)
