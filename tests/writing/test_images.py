"""The datasets that the writing tools read."""

from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_joint.datasets import LoadCheckedImage, LoadMappedAnnotations
from mmseg_joint.datasets.label_maps import CAMVID_CLASSES, CAMVID_PALETTE
from mmseg_joint.errors import JointError
from mmseg_joint.writing.images import (
    images_of_domain,
    images_of_folder,
    labeled_images_of_domain,
)


def test_images_without_files_are_refused_before_they_are_predicted():
    steps = [dict(type='LoadStreet')]
    streets = dict(type='StreetsDataset', count=2, size=(64, 48), pipeline=steps)
    cfg = Config(
        dict(
            train_dataloader=dict(dataset=dict(domains=dict(unlabeled=streets))),
            test_dataloader=dict(dataset=streets),
        )
    )
    with pytest.raises(JointError, match=r'domains\.unlabeled is no dataset of image files: name'):
        images_of_domain(cfg, 'unlabeled')


def test_the_test_dataset_may_be_a_subset(roots):
    steps = [dict(type='LoadCheckedImage'), dict(type='PackSegInputs')]
    camvid = dict(type='CamVidDataset', data_root=str(roots['CamVidDataset']), pipeline=steps)
    cfg = Config(
        dict(
            train_dataloader=dict(dataset=dict(domains=dict(unlabeled={**camvid, 'pipeline': []}))),
            test_dataloader=dict(dataset=dict(type='LabelSubset', count=1, dataset=camvid)),
        )
    )
    folder = images_of_folder(cfg, roots['CamVidDataset'] / 'images/train', '.jpg')
    for images in (images_of_domain(cfg, 'unlabeled'), folder):
        assert len(images) == 3 and images[0]['inputs'].shape == (3, 36, 48)
        assert len(images.metainfo['classes']) == 11


def test_steps_may_be_named_by_class_or_scope(roots):
    types = LoadCheckedImage, LoadMappedAnnotations, 'mmseg.Resize', 'mmseg.PackSegInputs'
    steps = [dict(type=kind) for kind in types]
    steps[2]['scale'] = (20, 16)
    camvid = dict(type='CamVidDataset', data_root=str(roots['CamVidDataset']), pipeline=steps)
    cfg = Config(dict(train_dataloader=dict(dataset=dict(domains=dict(source=camvid)))))
    packed = labeled_images_of_domain(cfg, 'source')[0]
    assert packed['inputs'].shape == (3, 16, 20)
    assert packed['data_samples'].gt_sem_seg.data.shape == (1, 16, 20)


def test_unlabeled_images_without_classes_get_those_of_the_test_images(roots):
    steps = [dict(type='LoadCheckedImage'), dict(type='PackSegInputs')]
    place = dict(data_root=str(roots['CamVidDataset']), pipeline=steps)
    bare = dict(type='BaseSegDataset', data_prefix=dict(img_path='images/train'), **place)
    cfg = Config(
        dict(
            train_dataloader=dict(dataset=dict(domains=dict(unlabeled=bare))),
            test_dataloader=dict(dataset=dict(type='CamVidDataset', **place)),
        )
    )
    images = images_of_domain(cfg, 'unlabeled')
    assert len(images) == 3
    assert images.metainfo['classes'] == CAMVID_CLASSES
    assert images.metainfo['palette'] == CAMVID_PALETTE
