from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmseg.registry import DATASETS
from PIL import Image
from torch.utils.data import BatchSampler, DataLoader

from mmseg_joint.datasets import JointDataset, JointSampler, SampleRequest
from mmseg_joint.errors import JointError, user_message
from tests.datasets.test_mixed_dataset import Numbers

AUGMENT = [
    {'type': 'RandomResize', 'scale': (40, 32), 'ratio_range': (0.8, 2.0), 'keep_ratio': True},
    {'type': 'RandomCrop', 'crop_size': (16, 20), 'cat_max_ratio': 0.9},
    {'type': 'RandomFlip', 'prob': 0.5},
    {'type': 'PhotoMetricDistortion'},
]


@pytest.fixture
def domains(tmp_path, write_gta, write_cityscapes, pipeline):
    write_gta(tmp_path / 'gta', count=5)
    write_cityscapes(tmp_path / 'city', count=4)
    steps = pipeline('LoadMappedAnnotations', *AUGMENT)
    city = {
        'type': 'CityscapesIdsDataset',
        'data_root': str(tmp_path / 'city'),
        'pipeline': steps,
    }
    return {
        'source': {'type': 'GTADataset', 'data_root': str(tmp_path / 'gta'), 'pipeline': steps},
        'target': {'type': 'LabelSubset', 'dataset': city, 'count': 2},
        'unlabeled': city,
    }


def joint(domains):
    return DATASETS.build({'type': 'JointDataset', 'domains': domains})


def batches(dataset, count, workers=0, skip=0):
    """Return what training would see: image and label bytes, with the metainfo."""
    sampler = JointSampler(dataset, {'source': 2, 'target': 1, 'unlabeled': 1}, seed=9)
    sampler.skip(skip * sampler.batch_size)
    loader = DataLoader(
        dataset,
        batch_sampler=BatchSampler(sampler, sampler.batch_size, drop_last=True),
        num_workers=workers,
        collate_fn=pseudo_collate,
    )
    seen, iterator = [], iter(loader)
    try:
        for _ in range(count):
            batch = next(iterator)
            for image, sample in zip(batch['inputs'], batch['data_samples']):
                label = sample.gt_sem_seg.data.numpy().tobytes() if 'gt_sem_seg' in sample else None
                meta = sample.metainfo
                seen.append((meta['domain'], meta['draw'], image.numpy().tobytes(), label))
    finally:
        if workers:  # now, and not when the error's traceback happens to be collected
            iterator._shutdown_workers()
    return seen


def test_batches_do_not_depend_on_workers_or_resuming(domains):
    dataset = joint(domains)
    here = batches(dataset, 4)
    assert [s[0] for s in here] == ['source', 'source', 'target', 'unlabeled'] * 4
    drawn = [(s[1].batch, s[1].position) for s in here[:6]]
    assert drawn == [(0, 0), (0, 1), (0, 0), (0, 0), (1, 2), (1, 3)]
    assert [s[3] is None for s in here] == [False, False, False, True] * 4
    assert batches(dataset, 4, workers=2) == here
    assert batches(dataset, 2, skip=2) == here[8:]
    # the same image is augmented differently each time it comes up, and with each seed
    assert len({s[2] for s in here}) == len(here)
    seeds = [dataset[here[0][1]._replace(seed=seed)]['inputs'] for seed in (8, 9)]
    assert seeds[1].numpy().tobytes() == here[0][2] != seeds[0].numpy().tobytes()


def test_generators_of_the_training_are_left_alone(domains):
    dataset = joint(domains)
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    wanted = random.random(), np.random.rand(), torch.rand(1)
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    dataset[SampleRequest('source', 3, 17, 4, 2, 0)]
    assert (random.random(), np.random.rand(), torch.rand(1)) == wanted


def test_a_draw_is_the_domains_own_sample(domains, pipeline):
    domains['source']['pipeline'] = pipeline()
    dataset = joint(domains)
    sample = dataset[SampleRequest('source', 3, 17, 4, 2, 0)]
    wanted = DATASETS.build(domains['source'])[3]
    assert torch.equal(sample['inputs'], wanted['inputs'])
    label = sample['data_samples'].gt_sem_seg.data
    assert label.dtype == torch.uint8  # an eighth of what a worker would have to send
    assert torch.equal(label.long(), wanted['data_samples'].gt_sem_seg.data)
    assert sample['data_samples'].metainfo['domain'] == 'source'
    assert sample['data_samples'].metainfo['draw'] == SampleRequest('source', 3, 17, 4, 2, 0)


@pytest.mark.parametrize('value', [-1, 256])
def test_a_label_that_bytes_cannot_hold_stays_as_it_is(domains, value, monkeypatch):
    dataset = joint(domains)
    inner, dataset._num_classes['source'] = dataset.domains['source'], 0
    packed = inner[0]
    packed['data_samples'].gt_sem_seg.data[0, 0, 0] = value
    expected = packed['data_samples'].gt_sem_seg.data.clone()
    monkeypatch.setattr(type(inner), '__getitem__', lambda self, index: packed)
    assert torch.equal(dataset[0]['data_samples'].gt_sem_seg.data, expected)
    dataset._num_classes['source'] = 19
    with pytest.raises(JointError, match=rf'holds \[{value}\], but there are 19 classes'):
        dataset[0]


def test_plain_numbers_run_through_all_domains(domains):
    dataset = joint(domains)
    assert len(dataset) == 5 + 2 + 4
    found = [dataset[i]['data_samples'].metainfo['domain'] for i in range(11)]
    assert found == ['source'] * 5 + ['target'] * 2 + ['unlabeled'] * 4
    assert Path(dataset.get_data_info(4)['img_path']).name == '00004.png'
    assert dataset.get_data_info(5) == dataset.domains['target'].get_data_info(0)
    with pytest.raises(IndexError):
        dataset[11]


def test_metainfo_is_the_targets(domains):
    target = domains['target']
    target['dataset'] = {**target['dataset'], 'metainfo': {'dataset_type': 'ours'}}
    assert joint(domains).metainfo['dataset_type'] == 'ours'
    del domains['target'], domains['unlabeled']
    assert 'dataset_type' not in joint(domains).metainfo


def test_a_list_is_one_domain(domains):
    target = domains['target']
    dataset = joint({'both': [domains['source'], target], 'unlabeled': [target, target['dataset']]})
    assert [len(d) for d in dataset.domains.values()] == [7, 6]
    paths = [dataset.domains['both'].get_data_info(i)['img_path'] for i in (4, 5)]
    assert 'gta' in paths[0] and 'city' in paths[1]
    for i in range(7):
        assert dataset[i]['data_samples'].labeled
    for i in range(7, 13):
        assert 'gt_sem_seg' not in dataset[i]['data_samples']
        assert not dataset[i]['data_samples'].labeled
    # its labels are used; an image without one is then refused
    assert joint({'some': [target, dataset.domains['unlabeled']]}).domains['some'].labeled


def test_a_built_dataset_in_place_of_a_config(domains):
    labeled, unlabeled = joint(domains).domains['target'], joint(domains).domains['unlabeled']
    dataset = joint({'target': labeled, 'unlabeled': unlabeled})
    assert list(dataset.domains.values()) == [labeled, unlabeled]
    with pytest.raises(JointError, match='Unlabeled needs the config of a dataset'):
        joint({'unlabeled': labeled})


def test_of_several_datasets_the_one_without_images_is_named(domains):
    root = domains['source']['data_root']
    empty = {'type': 'BaseSegDataset', 'data_root': root, 'data_prefix': {'img_path': 'images'}}
    for part in (empty, {'type': 'LabelSubset', 'fraction': 1, 'dataset': empty}):
        with pytest.raises(JointError, match=rf"'{root}/images' holds 5 files '\*\.png'"):
            joint({'target': [plain_city(domains), part]})


def test_refuses_different_classes_and_empty_domains(domains):
    domains['source']['protocol'] = 'camvid'
    with pytest.raises(JointError, match=r"domain 'source' has 11 classes.*domain 'target' has 19"):
        joint(domains)
    with pytest.raises(JointError, match=r"'both'.0.*'both'.1"):
        joint({'both': [domains['source'], domains['target']]})
    both = [
        {**domains['unlabeled'], 'metainfo': {'classes': names}}
        for names in (('road', 'car', 'bus'), ('road', 'bus', 'car'), ('road', 'car'))
    ]
    with pytest.raises(JointError, match=r'in another order, class 1 is car / bus: give them one'):
        joint({'both': both[:2]})
    with pytest.raises(
        JointError, match=r"3 classes \(among them \['bus'\]\) and .* has 2 \(none of its own\)"
    ):
        joint({'both': both[::2]})
    with pytest.raises(JointError, match="domain 'target' is an empty list"):
        joint({'target': []})
    with pytest.raises(JointError, match='JointDataset needs domains'):
        joint({})
    # unlabeled images have no classes to agree on
    joint({'source': domains['source'], 'unlabeled': domains['unlabeled']})


def plain_city(domains, *steps):
    """mmseg's own dataset and loaders on raw ids: the mistake that must not go unnoticed."""
    return {
        'type': 'CityscapesDataset',
        'data_root': domains['unlabeled']['data_root'],
        'data_prefix': {'img_path': 'leftImg8bit/train', 'seg_map_path': 'gtFine/train'},
        'seg_map_suffix': '_gtFine_labelIds.png',
        'pipeline': [
            {'type': 'LoadImageFromFile'},
            {'type': 'LoadAnnotations'},
            *steps,
            {'type': 'PackSegInputs'},
        ],
    }


def test_checks_what_mmsegs_loaders_give(domains):
    dataset = joint({'target': plain_city(domains)})
    with pytest.raises(JointError) as caught:
        dataset[SampleRequest('target', 1, 0, 0, 1, 0)]
    path = dataset.get_data_info(1)['seg_map_path']
    for part in (path, "domain 'target'", '[19, 20, 21, ', '19 classes', 'raw ids'):
        assert part in str(caught.value)


@pytest.mark.parametrize('size', [(30, 40), (32, 38)])
def test_checks_sizes_after_the_pipeline(domains, size):
    cfg = plain_city(domains)
    path = sorted(Path(cfg['data_root']).rglob('*labelIds.png'))[0]
    Image.fromarray(np.zeros(size, np.uint8)).save(path)
    with pytest.raises(JointError) as caught:
        joint({'target': cfg})[0]
    assert f"'{path}' of domain 'target' is of shape {size}" in str(caught.value)
    assert 'its image of (32, 40)' in str(caught.value)


def test_a_colored_label_is_called_by_its_name(domains):
    cfg = plain_city(domains)
    path = sorted(Path(cfg['data_root']).rglob('*labelIds.png'))[0]
    Image.fromarray(np.zeros((32, 40, 3), np.uint8)).save(path)
    with pytest.raises(JointError, match=rf"'{path}'.*not one number a pixel"):
        joint({'target': cfg})[0]


@pytest.mark.parametrize('which', ['img_path', 'seg_map_path'])
@pytest.mark.parametrize('harm', ['remove', 'cut'])
def test_a_bad_file_is_named_whichever_step_loads_it(domains, which, harm):
    dataset = joint({'target': plain_city(domains)})
    path = Path(dataset.get_data_info(2)[which])
    path.unlink() if harm == 'remove' else path.write_bytes(b'nothing')
    with pytest.raises(JointError, match=str(path)):
        dataset[2]


class Pathless(Numbers):
    get_data_info = property()


def test_other_failures_are_not_changed(domains):
    dataset = joint({'target': plain_city(domains, {'type': 'RandomFlip', 'prob': 0.5})})
    dataset.domains['target'].pipeline.transforms.insert(0, lambda results: results['no such key'])
    with pytest.raises(KeyError, match='no such key'):
        dataset[0]
    streets = {'type': 'StreetsDataset', 'count': 1, 'size': (64, 48), 'pipeline': []}
    dataset = joint({'target': streets})
    dataset.domains['target'].pipeline.transforms.append(lambda results: results['no such key'])
    with pytest.raises(KeyError, match='no such key'):  # the path of a street is only a name
        dataset[0]
    remote = Numbers('a', 2)
    remote.get_data_info = lambda index: {'img_path': 's3://bucket/a.png'}
    for inner in (remote, Pathless('a', 2)):  # there are no files to look at
        with pytest.raises(AssertionError):
            joint({'target': inner})[SampleRequest('target', 5, 0, 0, 1, 0)]


def test_the_sentence_survives_a_worker(domains):
    dataset = joint(domains)
    Path(dataset.get_data_info(0)['img_path']).write_bytes(b'')
    texts = []
    for workers in (0, 1):
        with pytest.raises(JointError) as caught:
            batches(dataset, 3, workers)
        texts.append(user_message(caught.value))
    assert texts[0] == texts[1]
    assert texts[0].startswith("the image '") and '\n' not in texts[0]


@pytest.mark.parametrize('lazy', [False, True])
@pytest.mark.parametrize('folder', ['absent', 'empty'])
def test_mmsegs_own_datasets_end_with_one_sentence_too(tmp_path, folder, lazy):
    (tmp_path / 'empty/leftImg8bit').mkdir(parents=True)
    own = {
        'type': 'CityscapesDataset',
        'data_root': str(tmp_path / folder),
        'data_prefix': {'img_path': 'leftImg8bit', 'seg_map_path': 'gtFine'},
        'lazy_init': lazy,
    }
    with pytest.raises(JointError, match=r'domains\.target cannot be read .*data_root'):
        JointDataset({'target': own})


@pytest.mark.parametrize('name', ['glossy', 'a.b'])
def test_names_of_domains_that_do_not_work_in_a_log_or_a_key(name):
    with pytest.raises(JointError, match=f"the name '{name}' will not do"):
        JointDataset({name: {'type': 'StreetsDataset'}})
