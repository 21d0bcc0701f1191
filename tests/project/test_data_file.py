"""What the data file of a project takes from the images and from the base."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from mmseg_joint.project.data_file import data_file
from tests.project.files import COLORS, found

CLASSES = ('soil', 'crop')


def written(base=None, lists=None, scored=('val',), colors=None, ids=None, **domains) -> Config:
    domains = {'source': {'train': found()}, 'target': {'train': found()}} | domains
    target = domains['target']['train']
    text = data_file(
        *(Config(base or {}), CLASSES, domains, dict.fromkeys(scored, target), lists or {}),
        *(colors, ids or {}),
    )
    return Config.fromstring(text, '.py')


@pytest.mark.parametrize(
    ('size', 'base', 'crop'),
    [
        ((2048, 1024), {}, (512, 512)),
        ((2048, 1024), dict(crop_size=(512, 1024)), (512, 1024)),
        ((2048, 1024), dict(crop_size=256), (256, 256)),
        ((100, 70), {}, (64, 96)),
        ((96, 20), {}, (32, 96)),  # padded
    ],
)
def test_crops_are_the_bases_unless_images_are_smaller(size, base, crop):
    cfg = written(base, target={'train': found(size=size)})
    assert cfg.my_crop_size == crop
    assert cfg.my_train_pipeline[2].scale == size


def test_unlabeled_images_are_a_domain_of_which_none_is_drawn():
    cfg = written(unlabeled={'train': found(labels='')})
    loader = cfg.my_train_dataloader
    assert loader.sampler.samples_per_domain == dict(source=2, target=2, unlabeled=0)
    assert loader.batch_size == 4
    prefixes = {name: x.data_prefix for name, x in loader.dataset.domains.items()}
    assert prefixes['unlabeled'] == dict(img_path='images')
    assert prefixes['target'] == dict(img_path='images', seg_map_path='labels')


def test_rare_classes_of_labeled_domains_are_drawn_more_often():
    large = {'train': found(size=(2048, 1024))}
    cfg = written(dict(crop_size=(256, 512)), target=large, unlabeled={'train': found(labels='')})
    rare = dict(min_pixels=1500)  # 3,000 at 512×512
    assert cfg.my_train_dataloader.dataset.rare_classes == dict(source=rare, target=rare)


def test_a_list_is_named_where_only_some_images_are_used():
    cfg = written(lists={('target', 'val'): Path('val.txt'), ('source', 'train'): Path('s.txt')})
    domains = cfg.my_train_dataloader.dataset.domains
    assert domains.source.ann_file == str(Path('s.txt').absolute())
    assert 'ann_file' not in domains.target
    assert cfg.my_val_dataloader.dataset.ann_file == str(Path('val.txt').absolute())


@pytest.mark.parametrize('scored', [('val',), ('test',), ('val', 'test')])
def test_validation_and_test_stand_in_for_each_other(scored):
    cfg = written(scored=scored)
    assert cfg.my_val_dataloader == cfg.my_test_dataloader


def test_each_domain_is_loaded_by_the_form_of_its_labels():
    colors = ([[list(map(int, color))] for color in COLORS[:2]], [[1, 1, 1]])
    ids = {'source': ([[7], [20, 21]], [0])}
    cfg = written(colors=colors, ids=ids, target={'train': found(in_color=True)})
    domains = cfg.my_train_dataloader.dataset.domains
    assert domains.target.pipeline[1] == dict(
        type='LoadColorAnnotations', colors=colors[0], ignored=colors[1]
    )
    assert domains.source.pipeline[1] == dict(
        type='LoadIdAnnotations', ids=[[7], [20, 21]], ignored=[0]
    )
    assert domains.source.pipeline[2:] == cfg.my_train_pipeline[2:]
    assert cfg.my_val_dataloader.dataset.pipeline[1].type == 'LoadColorAnnotations'
    assert cfg.my_metainfo.palette == [several[0] for several in colors[0]]
