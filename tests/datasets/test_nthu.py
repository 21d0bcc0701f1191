from __future__ import annotations

import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_joint.datasets import label_maps as maps
from mmseg_joint.errors import JointError

from ..conftest import write_city as write

# name → Cityscapes' raw id, in the order of the 13 classes
RAW = {
    'road': 7, 'sidewalk': 8, 'building': 11, 'traffic light': 19, 'traffic sign': 20,
    'vegetation': 21, 'sky': 23, 'person': 24, 'rider': 25, 'car': 26, 'bus': 28,
    'motorcycle': 32, 'bicycle': 33,
}  # fmt: skip
WANTED = {**dict.fromkeys((*range(34), 255), 255), **{raw: i for i, raw in enumerate(RAW.values())}}


def build(root, pipeline=(), **values):
    values = {'city': 'Rome', **values}
    return DATASETS.build(
        dict(type='NTHUDataset', data_root=str(root), pipeline=list(pipeline), **values)
    )


def names(dataset):
    return [dataset.get_data_info(i)['img_path'].split('/')[-1] for i in range(len(dataset))]


def test_classes_and_maps_by_name():
    assert tuple(RAW) == maps.NTHU_CLASSES and len(RAW) == 13
    assert [
        maps.CITYSCAPES_PALETTE[maps.CITYSCAPES_CLASSES.index(name)] for name in RAW
    ] == maps.NTHU_PALETTE
    assert maps.NTHU_IDS == WANTED
    kept = {i: j for i, j in maps.CITYSCAPES_TO_NTHU.items() if j != 255}
    assert {maps.CITYSCAPES_CLASSES[i]: maps.NTHU_CLASSES[j] for i, j in kept.items()} == {
        name: name for name in RAW
    }
    assert sorted(maps.CITYSCAPES_TO_NTHU) == list(range(19))


def test_exact_read_back_of_png_and_jpeg(tmp_path, pipeline):
    written = write(tmp_path)
    dataset = build(tmp_path, pipeline())
    assert names(dataset) == sorted(written)
    for i, raw in enumerate(written.values()):
        sample = dataset[i]['data_samples']
        wanted = np.vectorize(WANTED.get)(raw)
        np.testing.assert_array_equal(sample.gt_sem_seg.data[0].numpy(), wanted)
        assert sample.metainfo['seg_map_path'].endswith('_eval.png')
    assert dataset.metainfo['classes'] == tuple(RAW)


def test_a_png_is_taken_before_its_jpeg(tmp_path):
    write(tmp_path)
    assert names(build(tmp_path, img_suffix='.jpg')) == ['pano_00001_0_180.jpg']
    folder = tmp_path / 'Rome/Images/Test'
    Image.open(folder / 'pano_00001_0_180.jpg').save(folder / 'pano_00001_0_180.png')
    assert names(build(tmp_path)) == [f'pano_{i:05d}_0_180.png' for i in range(3)]
    assert names(build(tmp_path, img_suffix='.jpg')) == ['pano_00001_0_180.jpg']


def test_cities_are_separate(tmp_path):
    write(tmp_path)
    write(tmp_path, 'Taipei', ('.jpg', '.jpg'))
    assert len(build(tmp_path)) == 3 and len(build(tmp_path, city='Taipei')) == 2
    with pytest.raises(JointError, match=r'city=Rio\) finds no folder.*Rio/Images/Test'):
        build(tmp_path, city='Rio')
    with pytest.raises(JointError, match=r"city is 'rome': choose one of Rome, Rio"):
        build(tmp_path, city='rome')


def test_train_images_have_no_labels(tmp_path):
    written = write(tmp_path)
    with pytest.raises(JointError, match=r"no labels for split='train'.*'unlabeled'"):
        build(tmp_path, split='train')
    with pytest.raises(JointError, match=r"split is 'val'"):
        build(tmp_path, split='val')
    steps = [dict(type='LoadCheckedImage'), dict(type='LoadMappedAnnotations')]
    part = dict(
        type='NTHUDataset',
        city='Rome',
        split='train',
        data_root=str(tmp_path),
        pipeline=[*steps, dict(type='PackSegInputs')],
    )
    joint = DATASETS.build(dict(type='JointDataset', domains=dict(unlabeled=part)))
    assert len(joint) == len(written)
    for i, name in enumerate(sorted(written)):
        assert joint.get_data_info(i)['img_path'] == f'{tmp_path}/Rome/Images/Train/{name}'
        assert 'gt_sem_seg' not in joint[i]['data_samples']


def test_lists_with_and_without_suffix(tmp_path):
    write(tmp_path)
    (tmp_path / 'list.txt').write_text(
        'pano_00001_0_180.jpg\npano_00002_0_180.png\npano_00000_0_180\n'
    )
    dataset = build(tmp_path, ann_file='list.txt')
    assert names(dataset) == [
        f'pano_0000{i}_0_180.{s}' for i, s in ((1, 'jpg'), (2, 'png'), (0, 'png'))
    ]
    (tmp_path / 'list.txt').write_text('pano_00000_0_180.jpg\n')
    with pytest.raises(JointError, match='1 images that are not there'):
        build(tmp_path, ann_file='list.txt')


def test_a_missing_label_is_named(tmp_path):
    write(tmp_path)
    (tmp_path / 'Rome/Labels/Test/pano_00001_0_180_eval.png').unlink()
    with pytest.raises(JointError, match=r'1 of 3 images.*pano_00001_0_180_eval\.png.*_eval'):
        build(tmp_path)


def test_other_folders(tmp_path):
    written = write(tmp_path)
    (tmp_path / 'Rome').rename(tmp_path / 'roma')
    prefix = dict(img_path='roma/Images/Test', seg_map_path='roma/Labels/Test')
    for split in ('test', 'train'):
        assert names(build(tmp_path, split=split, data_prefix=prefix)) == sorted(written)


def test_cityscapes_joins_in_the_same_classes(tmp_path, write_cityscapes, pipeline):
    write(tmp_path / 'nthu')
    written = write_cityscapes(tmp_path / 'city')
    parts = dict(
        source=dict(
            type='CityscapesIdsDataset',
            data_root=str(tmp_path / 'city'),
            protocol='nthu',
            pipeline=pipeline(),
        ),
        target=dict(
            type='NTHUDataset', city='Rome', data_root=str(tmp_path / 'nthu'), pipeline=pipeline()
        ),
    )
    joint = DATASETS.build(dict(type='JointDataset', domains=parts))
    assert joint.metainfo['classes'] == tuple(RAW)
    for i, raw in enumerate(written.values()):
        wanted = np.vectorize(WANTED.get)(raw)
        np.testing.assert_array_equal(joint[i]['data_samples'].gt_sem_seg.data[0].numpy(), wanted)
