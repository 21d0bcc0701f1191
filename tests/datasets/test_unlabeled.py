from __future__ import annotations

import shutil

import numpy as np
import pytest
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import DATASETS

from mmseg_joint.datasets.unlabeled import without_labels
from mmseg_joint.errors import JointError

CROP = {'type': 'RandomCrop', 'crop_size': (16, 16), 'cat_max_ratio': 0.75}


@pytest.mark.parametrize('wrap', [None, 'LabelSubset', 'LabelSubset of a list', 'ConcatDataset'])
@pytest.mark.parametrize('loader', ['LoadAnnotations', 'LoadMappedAnnotations'])
def test_never_needs_labels(tmp_path, write_gta, pipeline, wrap, loader):
    write_gta(tmp_path)
    shutil.rmtree(tmp_path / 'labels')
    cfg = {'type': 'GTADataset', 'data_root': str(tmp_path), 'pipeline': pipeline(loader, CROP)}
    if wrap == 'LabelSubset':
        cfg = {'type': wrap, 'dataset': cfg, 'count': 3}
    elif wrap == 'LabelSubset of a list':
        cfg = {'type': 'LabelSubset', 'dataset': [cfg, dict(cfg)], 'count': 3}
    elif wrap == 'ConcatDataset':
        cfg = {'type': wrap, 'datasets': [cfg]}
    dataset = DATASETS.build({'type': 'Unlabeled', 'dataset': cfg})
    assert len(dataset) == 3 and not dataset.labeled
    assert 'seg_map_path' not in dataset.get_data_info(0)
    for i in range(3):
        sample = dataset[i]
        assert 'gt_sem_seg' not in sample['data_samples']
        assert sample['inputs'].shape == (3, 16, 16)


def test_mmsegs_own_dataset(tmp_path, write_cityscapes, pipeline):
    write_cityscapes(tmp_path)
    shutil.rmtree(tmp_path / 'gtFine')
    cfg = {
        'type': 'CityscapesDataset',
        'data_root': str(tmp_path),
        'data_prefix': {'img_path': 'leftImg8bit/train', 'seg_map_path': 'gtFine/train'},
        'pipeline': pipeline('LoadAnnotations'),
    }
    dataset = DATASETS.build({'type': 'Unlabeled', 'dataset': cfg})
    assert 'gt_sem_seg' not in dataset[0]['data_samples']
    assert 'seg_map_path' not in dataset.get_data_info(0)
    labeled = dict(cfg, pipeline=[{'type': 'LoadImageFromFile'}, {'type': 'PackSegInputs'}])
    np.testing.assert_array_equal(dataset[1]['inputs'], DATASETS.build(labeled)[1]['inputs'])


def test_a_step_that_makes_image_and_label_at_once():
    steps = [{'type': 'LoadStreet'}, {'type': 'PackSegInputs'}]
    streets = {'type': 'StreetsDataset', 'count': 1, 'size': (64, 48), 'pipeline': steps}
    assert 'gt_sem_seg' in DATASETS.build(streets)[0]['data_samples']
    sample = DATASETS.build({'type': 'Unlabeled', 'dataset': streets})[0]
    assert 'gt_sem_seg' not in sample['data_samples'] and sample['inputs'].shape == (3, 48, 64)


def test_nested_steps_and_the_given_config_stays():
    steps = [
        {'type': 'RandomApply', 'transforms': [{'type': 'mmseg.LoadAnnotations'}, dict(CROP)]},
        {'type': 'RandomChoice', 'transforms': [[{'type': 'LoadSynthiaAnnotations'}], [CROP]]},
        LoadAnnotations(),
    ]
    cfg = {'type': 'SynthiaDataset', 'pipeline': steps}
    stripped = without_labels(cfg)
    whole = dict(CROP, cat_max_ratio=1.0)
    assert stripped == {
        'type': 'SynthiaDataset',
        'labeled': False,
        'pipeline': [
            {'type': 'RandomApply', 'transforms': [whole]},
            {'type': 'RandomChoice', 'transforms': [[], [whole]]},
        ],
    }
    assert len(steps[0]['transforms']) == 2 and CROP['cat_max_ratio'] == 0.75


def test_refuses_a_built_dataset(tmp_path, write_gta):
    write_gta(tmp_path)
    built = DATASETS.build({'type': 'GTADataset', 'data_root': str(tmp_path)})
    with pytest.raises(JointError, match=r'needs the config of a dataset .* not GTADataset'):
        DATASETS.build({'type': 'Unlabeled', 'dataset': built})
