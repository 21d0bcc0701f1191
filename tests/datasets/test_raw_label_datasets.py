from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_joint.datasets import SynthiaDataset
from mmseg_joint.datasets import label_maps as maps
from mmseg_joint.errors import JointError

PLAIN = [{'type': 'LoadImageFromFile'}, {'type': 'LoadAnnotations'}, {'type': 'PackSegInputs'}]
KINDS = {
    'GTADataset': ('write_gta', maps.GTA_IDS),
    'CityscapesIdsDataset': ('write_cityscapes', maps.CITYSCAPES_IDS),
    'CityscapesTrainIdsDataset': (
        'write_train_ids',
        {**{i: i for i in range(19)}, 255: 255},
    ),
    'CamVidDataset': ('write_camvid', maps.CAMVID_IDS),
    'SynthiaDataset': ('write_synthia', maps.SYNTHIA_IDS),
}


def read_back(dataset):
    """Image path → label as it reaches the model."""
    samples = [dataset[i]['data_samples'] for i in range(len(dataset))]
    return {s.metainfo['img_path']: s.gt_sem_seg.data[0].numpy() for s in samples}


def expect(dataset, written, label_map):
    got = read_back(dataset)
    assert list(got) == sorted(written)
    for path, raw in written.items():
        wanted = np.array([[label_map[int(v)] for v in row] for row in raw])
        np.testing.assert_array_equal(got[path], wanted)


@pytest.mark.parametrize('kind', KINDS)
def test_exact_read_back(kind, tmp_path, request, pipeline):
    writer, label_map = KINDS[kind]
    written = request.getfixturevalue(writer)(tmp_path)
    loader = 'LoadSynthiaAnnotations' if kind == 'SynthiaDataset' else 'LoadMappedAnnotations'
    cfg = {'type': kind, 'data_root': str(tmp_path), 'pipeline': pipeline(loader)}
    expect(DATASETS.build(cfg), written, label_map)
    if kind != 'SynthiaDataset':
        expect(DATASETS.build(dict(cfg, pipeline=PLAIN)), written, label_map)


@pytest.mark.parametrize('plain', [False, True])
def test_custom_classes(tmp_path, write_gta, pipeline, plain):
    written = write_gta(tmp_path)
    dataset = DATASETS.build(
        {
            'type': 'GTADataset',
            'data_root': str(tmp_path),
            'metainfo': {'classes': ['car', 'road']},
            'pipeline': PLAIN if plain else pipeline(),
        }
    )
    expect(dataset, written, {**dict.fromkeys(range(35), 255), 26: 0, 7: 1})
    assert dataset.metainfo['classes'] == ('car', 'road')
    assert dataset.metainfo['palette'] == [[0, 0, 142], [128, 64, 128]]


def test_camvid_protocol_and_subset_of_it(tmp_path, write_cityscapes, pipeline):
    written = write_cityscapes(tmp_path)
    cfg = {
        'type': 'CityscapesIdsDataset',
        'data_root': str(tmp_path),
        'protocol': 'camvid',
        'pipeline': pipeline(),
    }
    dataset = DATASETS.build(cfg)
    by_name = {
        7: 'road', 8: 'pavement', 11: 'building', 12: 'building', 13: 'fence', 17: 'pole',
        19: 'sign', 20: 'sign', 21: 'tree', 22: 'tree', 23: 'sky', 24: 'pedestrian',
        25: 'bicyclist', 26: 'car', 27: 'car', 28: 'car', 32: 'bicyclist', 33: 'bicyclist',
    }  # fmt: skip
    label_map = dict.fromkeys(range(34), 255)
    label_map.update({raw: maps.CAMVID_CLASSES.index(name) for raw, name in by_name.items()})
    expect(dataset, written, label_map)
    assert dataset.metainfo['classes'] == maps.CAMVID_CLASSES
    assert dataset.metainfo['palette'] == maps.CAMVID_PALETTE
    subset = DATASETS.build(dict(cfg, metainfo={'classes': ('sign', 'sky')}))
    expect(subset, written, {**dict.fromkeys(range(34), 255), 19: 0, 20: 0, 23: 1})
    assert subset.metainfo['palette'] == [maps.CAMVID_PALETTE[6], maps.CAMVID_PALETTE[0]]


def test_gta_label_two_pixels_off(tmp_path, write_gta, pipeline):
    write_gta(tmp_path, count=1)
    raw = np.full((31, 42), 26, np.uint8)
    Image.fromarray(raw).save(tmp_path / 'labels/00000.png')
    (got,) = read_back(
        DATASETS.build({'type': 'GTADataset', 'data_root': str(tmp_path), 'pipeline': pipeline()})
    ).values()
    assert (got[:31] == 13).all() and (got[31] == 255).all() and got.shape == (32, 40)


def test_camvid_other_split_and_suffix(tmp_path, write_camvid, pipeline):
    written = write_camvid(tmp_path, split='val', suffix='.png')
    cfg = {
        'type': 'CamVidDataset',
        'data_root': str(tmp_path),
        'data_prefix': {'img_path': 'images/val', 'seg_map_path': 'labels/val'},
        'pipeline': pipeline(),
    }
    with pytest.raises(JointError, match=r"no '\*\.jpg'.*'\.png': 3.*img_suffix"):
        DATASETS.build(cfg)
    expect(DATASETS.build(dict(cfg, img_suffix='.png')), written, maps.CAMVID_IDS)


def test_ann_file_with_and_without_suffix(tmp_path, write_gta):
    write_gta(tmp_path)
    (tmp_path / 'some.txt').write_text('00002\n00000.png\n\n')
    cfg = {'type': 'GTADataset', 'data_root': str(tmp_path), 'ann_file': 'some.txt'}
    dataset = DATASETS.build(cfg)
    names = [dataset.get_data_info(i)['img_path'][-9:] for i in range(len(dataset))]
    assert names == ['00002.png', '00000.png']
    (tmp_path / 'some.txt').write_text('00002\n77777\n')
    with pytest.raises(JointError, match=r'some\.txt.*1 images that are not there.*77777'):
        DATASETS.build(cfg)
    (tmp_path / 'some.txt').write_text('\n')
    with pytest.raises(JointError, match=r'some\.txt. of GTADataset names none: correct the list'):
        DATASETS.build(cfg)
    with pytest.raises(JointError, match=r'other\.txt.*correct ann_file'):
        DATASETS.build(dict(cfg, ann_file='other.txt'))


@pytest.mark.parametrize('kind', KINDS)
def test_refuses_missing_folders_and_labels(kind, tmp_path, request):
    cfg = {'type': kind, 'data_root': str(tmp_path)}
    with pytest.raises(JointError, match=rf"{kind} finds no folder.*data_root.*'{tmp_path}'"):
        DATASETS.build(cfg)
    request.getfixturevalue(KINDS[kind][0])(tmp_path)
    dataset = DATASETS.build(cfg)
    label = dataset.get_data_info(1)['seg_map_path']
    Path(label).unlink()
    with pytest.raises(JointError) as caught:
        DATASETS.build(cfg)
    for part in (f'1 of 3 images of {kind}', label.rsplit('/', 1)[-1], 'data_root'):
        assert part in str(caught.value)


def test_refuses_an_empty_folder(tmp_path):
    (tmp_path / 'images').mkdir()
    with pytest.raises(JointError, match=r"images' \(it is empty\).*data_root"):
        DATASETS.build({'type': 'GTADataset', 'data_root': str(tmp_path)})


def test_train_ids_in_a_label_ids_file(tmp_path, write_cityscapes, pipeline):
    write_cityscapes(tmp_path, count=1)
    dataset = DATASETS.build(
        {'type': 'CityscapesIdsDataset', 'data_root': str(tmp_path), 'pipeline': pipeline()}
    )
    train_ids = np.full((32, 40), 255, np.uint8)
    Image.fromarray(train_ids).save(dataset.get_data_info(0)['seg_map_path'])
    with pytest.raises(JointError, match=r'\[255\].*0 to 33.*labelTrainIds.*CityscapesDataset'):
        dataset[0]


@pytest.mark.parametrize('loader', ['LoadAnnotations', 'LoadMappedAnnotations'])
def test_synthia_refuses_other_loaders(tmp_path, write_synthia, pipeline, loader):
    write_synthia(tmp_path)
    with pytest.raises(JointError, match=rf'{loader}.*LoadSynthiaAnnotations'):
        SynthiaDataset(data_root=str(tmp_path), pipeline=pipeline(loader))


def test_refuses_unknown_names(tmp_path, write_gta, write_camvid):
    write_gta(tmp_path)
    write_camvid(tmp_path)
    cfg = {'type': 'GTADataset', 'data_root': str(tmp_path)}
    with pytest.raises(JointError, match=r"protocol='ade'.*\['camvid', 'cityscapes', 'nthu'\]"):
        DATASETS.build(dict(cfg, protocol='ade'))
    with pytest.raises(JointError, match="CamVidDataset cannot be read with protocol='cityscapes'"):
        DATASETS.build(dict(cfg, type='CamVidDataset', protocol='cityscapes'))
    with pytest.raises(JointError, match=r"metainfo\.classes of GTADataset names \['cart'\]"):
        DATASETS.build(dict(cfg, metainfo={'classes': ('car', 'cart')}))


def test_without_labels_there_is_no_label_path(tmp_path, write_gta):
    write_gta(tmp_path)
    dataset = DATASETS.build({'type': 'GTADataset', 'data_root': str(tmp_path), 'labeled': False})
    assert 'seg_map_path' not in dataset.get_data_info(0)


def test_lazy_init_lists_nothing(tmp_path):
    dataset = DATASETS.build({'type': 'GTADataset', 'data_root': str(tmp_path), 'lazy_init': True})
    assert len(dataset.metainfo['classes']) == 19
