"""A prepared copy gives the same samples as its originals, or is refused in one sentence."""

from __future__ import annotations

import json
import os
from collections import namedtuple
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import Resize
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_joint.datasets import LabelSubset, SampleRequest, Unlabeled
from mmseg_joint.datasets.configured import domain_config
from mmseg_joint.datasets.label_maps import GTA_IDS
from mmseg_joint.datasets.prepared import writing
from mmseg_joint.datasets.prepared.manifest import MANIFEST
from mmseg_joint.datasets.prepared.reading import places, png_suffix
from mmseg_joint.datasets.prepared.writing import to_prepare, write_copy, write_png
from mmseg_joint.errors import JointError

RESIZE = dict(type='Resize', scale=(22, 17))
CASES = {
    'gta': dict(type='GTADataset'),
    'gta in bicubic': dict(type='GTADataset', interpolation='bicubic'),
    'gta by pillow': dict(type='GTADataset', backend='pillow'),
    'gta enlarged': dict(type='GTADataset', scale=(81, 50), interpolation='bicubic'),
    'gta as camvid': dict(type='GTADataset', protocol='camvid'),
    'gta, 2 classes': dict(type='GTADataset', metainfo=dict(classes=['car', 'road'])),
    'synthia': dict(type='SynthiaDataset', labels='LoadSynthiaAnnotations'),
    'synthia in area': dict(
        type='SynthiaDataset', labels='LoadSynthiaAnnotations', interpolation='area'
    ),
    'city': dict(type='CityscapesIdsDataset'),
    'city by mmseg': dict(type='CityscapesIdsDataset', labels='LoadAnnotations'),
    'city as nthu': dict(type='CityscapesIdsDataset', protocol='nthu', interpolation='lanczos'),
    'camvid': dict(type='CamVidDataset'),
    'nthu': dict(type='NTHUDataset', city='Rome', interpolation='bicubic'),
    'nthu, unlabeled': dict(type='NTHUDataset', city='Rio', split='train', labeled=False),
}


def config(roots, type, labels='LoadMappedAnnotations', **options):
    resize = {
        key: options.pop(key) for key in (*RESIZE, 'interpolation', 'backend') if key in options
    }
    pipeline = [
        dict(type='LoadCheckedImage'),
        dict(type=labels),
        {**RESIZE, **resize},
        dict(type='PackSegInputs'),
    ]
    if not options.get('labeled', True):
        del pipeline[1]
    return dict(type=type, data_root=str(roots[type]), pipeline=pipeline, **options)


def prepare(cfg, out, **options):
    dataset, setting = to_prepare(cfg, 'the dataset')
    return write_copy(dataset, setting, Path(out), progress=False, **{'workers': 1, **options})


def assert_equal_samples(original, copy):
    assert len(original) == len(copy) > 0
    for one, two in zip(original, copy):
        assert one['inputs'].dtype == two['inputs'].dtype
        assert torch.equal(one['inputs'], two['inputs'])
        labels = [sample['data_samples'].get('gt_sem_seg') for sample in (one, two)]
        if labels[0] is None:
            assert labels[1] is None
        else:
            assert torch.equal(labels[0].data, labels[1].data)
            assert len(torch.unique(labels[0].data)) > 1


@pytest.mark.parametrize('case', CASES)
def test_samples_are_those_of_the_originals(case, roots, tmp_path):
    cfg = config(roots, **CASES[case])
    assert prepare(cfg, tmp_path / 'copy') == 3
    original = DATASETS.build(cfg)
    roots[cfg['type']].rename(tmp_path / 'gone')  # already built: it no longer needs its root
    copy = DATASETS.build({**cfg, 'prepared': str(tmp_path / 'copy')})
    (tmp_path / 'gone').rename(roots[cfg['type']])
    assert_equal_samples(original, copy)


def test_the_same_images_are_the_labeled_ones(tmp_path, write_cityscapes, roots):
    write_cityscapes(tmp_path / 'many', count=9)
    cfg = config({'CityscapesIdsDataset': tmp_path / 'many'}, 'CityscapesIdsDataset')
    prepare(cfg, tmp_path / 'copy')
    copy = {**cfg, 'prepared': str(tmp_path / 'copy')}
    subsets = [LabelSubset(dataset, count=4, seed=1) for dataset in (cfg, copy)]
    assert subsets[0].names == subsets[1].names
    assert_equal_samples(*subsets)


def test_a_copy_has_all_images_whatever_the_config_selects(roots, tmp_path):
    (roots['GTADataset'] / 'list.txt').write_text('00002\n')
    cfg, out = config(roots, 'GTADataset'), tmp_path / 'copy'
    for selects in (dict(ann_file='list.txt'), dict(indices=1), dict(lazy_init=True)):
        prepare({**cfg, **selects}, out / next(iter(selects)))
    assert prepare({**cfg, 'prepared': str(out / 'indices')}, out / 'again') == 3
    for copy in out.iterdir():
        selected = DATASETS.build({**cfg, 'ann_file': 'list.txt', 'prepared': str(copy)})
        assert_equal_samples(DATASETS.build({**cfg, 'ann_file': 'list.txt'}), selected)
        assert_equal_samples(DATASETS.build(cfg), DATASETS.build({**cfg, 'prepared': str(copy)}))


def test_lists_may_name_the_originals_with_their_suffix(roots, tmp_path):
    cfg, names = config(roots, 'CamVidDataset'), ['0001TP_000000.jpg', '0001TP_000002.jpg']
    (tmp_path / 'list.txt').write_text('\n'.join(names))
    listed = {**cfg, 'ann_file': str(tmp_path / 'list.txt')}
    prepare(cfg, tmp_path / 'copy')
    copy = {'prepared': str(tmp_path / 'copy')}
    assert_equal_samples(DATASETS.build(listed), DATASETS.build({**listed, **copy}))
    subset = LabelSubset({**cfg, **copy}, list_file=listed['ann_file'])
    assert_equal_samples(DATASETS.build(listed), subset)


def test_a_size_that_differs_within_the_tolerance(tmp_path, write_gta):
    write_gta(tmp_path / 'gta')
    path = tmp_path / 'gta/labels/00001.png'
    label = np.array(Image.open(path))
    Image.fromarray(label[:-1, :-2]).save(path)
    cfg = config({'GTADataset': tmp_path / 'gta'}, 'GTADataset')
    prepare(cfg, tmp_path / 'copy')
    copy = DATASETS.build({**cfg, 'prepared': str(tmp_path / 'copy')})
    assert_equal_samples(DATASETS.build(cfg), copy)


def test_augmentation_after_resize_draws_the_same(roots, tmp_path):
    cfg = config(roots, 'GTADataset')
    cfg['pipeline'][3:3] = [
        dict(type='RandomFlip', prob=0.5),
        dict(type='RandomGaussianBlur', prob=0.5, radius=(0, 1)),
        dict(type='RandomCrop', crop_size=(10, 12), cat_max_ratio=0.5),
        dict(type='PhotoMetricDistortion'),
    ]
    prepare(cfg, tmp_path / 'copy')
    cfg['pipeline'][0] = dict(type='LoadCheckedImage', imdecode_backend=None)  # which is cv2's
    draw = [DATASETS.build({**cfg, 'prepared': copy}) for copy in (None, str(tmp_path / 'copy'))]
    domains = [dict(type='JointDataset', domains=dict(source=dataset)) for dataset in draw]
    samples = [
        [DATASETS.build(domain)[SampleRequest('source', i % 3, i, 0, 1, 7)] for i in range(6)]
        for domain in domains
    ]
    assert_equal_samples(*samples)


def test_two_workers_and_compression_write_the_same(roots, tmp_path, monkeypatch):
    used, thread_map = [], writing.thread_map

    def spy(*given, max_workers, **options):
        used.append(max_workers)
        return thread_map(*given, max_workers=max_workers, **options)

    monkeypatch.setattr(writing, 'thread_map', spy)
    cfg = config(roots, 'SynthiaDataset', 'LoadSynthiaAnnotations')
    prepare(cfg, tmp_path / 'one')
    assert prepare(cfg, tmp_path / 'two', workers=2, compress=True) == 3
    assert used == [1, 2]
    one, two = ({**cfg, 'prepared': str(tmp_path / name)} for name in ('one', 'two'))
    assert_equal_samples(DATASETS.build(one), DATASETS.build(two))
    sizes = [(tmp_path / name / 'RGB/0000001.png').stat().st_size for name in ('one', 'two')]
    assert sizes[1] < sizes[0]
    assert 3 * 22 * 17 < sizes[0] < 3 * 22 * 17 + 200  # three bytes per pixel


def test_what_is_missing_is_written_and_nothing_else(roots, tmp_path):
    cfg, out = config(roots, 'GTADataset'), tmp_path / 'copy'
    prepare(cfg, out)
    kept = [out / 'images/00000.png', out / 'labels/00000.png']
    before = [path.stat().st_mtime_ns for path in kept]
    (out / 'images/00001.png').unlink()
    (out / 'labels/00002.png').unlink()
    with pytest.raises(JointError, match=r'has 2 of 3 images.*prepare_dataset'):
        DATASETS.build({**cfg, 'prepared': str(out)})
    assert prepare(cfg, out) == 2
    assert [path.stat().st_mtime_ns for path in kept] == before
    assert_equal_samples(DATASETS.build(cfg), DATASETS.build({**cfg, 'prepared': str(out)}))
    assert not list(out.rglob('.*'))


def test_images_that_the_originals_no_longer_have(roots, tmp_path):
    cfg, out = config(roots, 'GTADataset'), tmp_path / 'copy'
    prepare(cfg, out)
    for name in ('images', 'labels'):
        (roots['GTADataset'] / name / '00001.png').unlink()
    prepare(cfg, out)
    with pytest.raises(JointError, match='has 3 of 2 images: delete those that the originals'):
        DATASETS.build({**cfg, 'prepared': str(out)})


def test_a_finished_copy_stays_usable_while_it_is_checked_again(roots, tmp_path, monkeypatch):
    cfg, out = config(roots, 'GTADataset'), tmp_path / 'copy'
    prepare(cfg, out)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, '_is_intact', stop)
    with pytest.raises(KeyboardInterrupt):
        prepare(cfg, out)
    assert len(DATASETS.build({**cfg, 'prepared': str(out)})) == 3


def test_a_copy_without_room_is_not_started(roots, tmp_path, monkeypatch):
    room = namedtuple('room', 'free')(3 * 22 * 17 * 3 - 1)  # three images of three bytes a pixel
    monkeypatch.setattr(writing, 'disk_usage', lambda _: room)
    with pytest.raises(JointError, match=r'needs 0\.0 GB .*--compress'):
        prepare(config(roots, 'GTADataset'), tmp_path / 'copy')
    assert not list((tmp_path / 'copy').rglob('*.png'))
    assert prepare(config(roots, 'GTADataset'), tmp_path / 'copy', compress=True) == 3


def test_a_manifest_in_another_format_is_refused(roots, tmp_path):
    cfg, out = config(roots, 'GTADataset'), tmp_path / 'copy'
    prepare(cfg, out)
    content = json.loads((out / MANIFEST).read_text())
    for wrong in ({'folders': []}, {'folders': {'images': {}}}, {'setting': 1}):
        (out / MANIFEST).write_text(json.dumps({**content, **wrong}))
        with pytest.raises(JointError, match='is damaged or of another version'):
            DATASETS.build({**cfg, 'prepared': str(out)})


def truncated(data):
    return data[:100]


def altered(data):
    """One bit of the pixels."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def of_another_size(data):
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return cv2.imencode('.png', image[1:])[1].tobytes()


def zeros(data):
    """What a power cut may leave."""
    return bytes(len(data))


@pytest.mark.parametrize('spoil', [truncated, altered, of_another_size, zeros, lambda data: b''])
@pytest.mark.parametrize('name', ['images/00001.png', 'labels/00001.png'])
def test_a_broken_file_is_rewritten(roots, tmp_path, spoil, name):
    cfg, out = config(roots, 'GTADataset'), tmp_path / 'copy'
    prepare(cfg, out)
    data = (out / name).read_bytes()
    (out / name).write_bytes(spoil(data))
    assert prepare(cfg, out) == 1
    assert (out / name).read_bytes() == data
    assert prepare(cfg, out) == 0


@pytest.mark.parametrize('name', ['images/00001.png', 'labels/00001.png'])
def test_what_was_corrected_in_the_originals_is_rewritten(roots, tmp_path, name):
    cfg, out = config(roots, 'GTADataset'), tmp_path / 'copy'
    prepare(cfg, out)
    original = roots['GTADataset'] / name
    original.write_bytes((original.parent / '00002.png').read_bytes())
    os.utime(out / name, (1, 1))  # the copy was not written just now
    kept = out / 'labels/00000.png'
    before = kept.stat().st_mtime_ns
    assert prepare(cfg, out) == 1
    assert kept.stat().st_mtime_ns == before
    assert_equal_samples(DATASETS.build(cfg), DATASETS.build({**cfg, 'prepared': str(out)}))
    assert prepare(cfg, out) == 0


@pytest.mark.parametrize('name', ['images/00001.png', 'labels/00001.png'])
@pytest.mark.parametrize('kind', ['GTADataset', 'SynthiaDataset'])
def test_training_names_the_remedy_for_a_broken_file(roots, tmp_path, name, kind):
    labels = 'LoadSynthiaAnnotations' if kind == 'SynthiaDataset' else 'LoadMappedAnnotations'
    cfg, out = config(roots, kind, labels), tmp_path / 'copy'
    prepare(cfg, out)
    copy = DATASETS.build({**cfg, 'prepared': str(out)})
    joint = DATASETS.build(dict(type='JointDataset', domains=dict(target=copy)))
    place = {'images': 'img_path', 'labels': 'seg_map_path'}[name.split('/')[0]]
    path = Path(copy.get_data_info(1)[place])
    path.write_bytes(truncated(path.read_bytes()))
    with pytest.raises(
        JointError, match=r'is broken.*: run tools/prepare_dataset\.py again'
    ) as error:
        joint[1]
    assert str(path) in str(error.value)
    assert 'download' not in str(error.value)
    prepare(cfg, out)
    assert_equal_samples(DATASETS.build(cfg), copy)


def test_an_interrupted_copy_is_refused_and_finished(roots, tmp_path, monkeypatch):
    cfg, out = config(roots, 'GTADataset'), tmp_path / 'copy'
    calls = []

    def fail(path, *rest):
        calls.append(path)
        if len(calls) >= 4:  # from the second image on, after two labels
            raise OSError(28, 'No space left on device')
        write_png(path, *rest)

    monkeypatch.setattr(writing, 'write_png', fail)
    with pytest.raises(JointError, match=r'No space left on device.*run the same command again'):
        prepare(cfg, out)
    with pytest.raises(JointError, match=r"is not finished: folder 'images'"):
        DATASETS.build({**cfg, 'prepared': str(out)})
    monkeypatch.undo()
    assert prepare(cfg, out) == 2
    assert len(DATASETS.build({**cfg, 'prepared': str(out)})) == 3


def test_one_folder_holds_splits_and_gains_labels(tmp_path, write_cityscapes):
    for split in ('train', 'val'):
        write_cityscapes(tmp_path / 'city', split=split)
    cfg, out = (
        config({'CityscapesIdsDataset': tmp_path / 'city'}, 'CityscapesIdsDataset'),
        tmp_path / 'copy',
    )
    val = dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val')
    unlabeled = {**cfg, 'labeled': False, 'pipeline': [cfg['pipeline'][i] for i in (0, 2, 3)]}
    copy = {'prepared': str(out)}
    prepare(unlabeled, out)
    assert len(DATASETS.build({**unlabeled, **copy})) == 3
    with pytest.raises(JointError, match="has no labels for 'leftImg8bit/train'"):
        DATASETS.build({**cfg, **copy})
    with pytest.raises(JointError, match="has no folder 'leftImg8bit/val'"):
        DATASETS.build({**cfg, **copy, 'data_prefix': val})
    assert prepare(cfg, out) == 3
    assert prepare(unlabeled, out) == 0
    assert prepare({**cfg, 'data_prefix': val}, out) == 3
    for prefix in ({}, {'data_prefix': val}):
        assert_equal_samples(*(DATASETS.build({**cfg, **prefix, **more}) for more in ({}, copy)))
    next((out / 'leftImg8bit/train').rglob('*.png')).unlink()
    assert prepare(unlabeled, out) == 1  # its label was not compared with the new original
    with pytest.raises(JointError, match="has no labels for 'leftImg8bit/train'"):
        DATASETS.build({**cfg, **copy})


class OwnResize(Resize):
    pass


OTHER_PIPELINES = {
    r'made with size \(22, 17\), not \(24, 16\)': {2: dict(type='Resize', scale=(24, 16))},
    'made with interpolation bilinear, not bicubic': {2: dict(RESIZE, interpolation='bicubic')},
    'made with backend cv2, not pillow': {2: dict(RESIZE, backend='pillow')},
    'made with decoder cv2, not pillow': {
        0: dict(type='LoadCheckedImage', imdecode_backend='pillow')
    },
    'has RandomResize there': {
        2: dict(type='RandomResize', scale=(22, 17), ratio_range=(0.5, 2.0), keep_ratio=True)
    },
    'has OwnResize there': {2: {**RESIZE, 'type': OwnResize}},
    'has Resize there': {2: dict(RESIZE, keep_ratio=True)},
    'has RandomFlip there': {2: dict(type='RandomFlip', prob=0.5)},
    'labels are loaded after Resize': {1: RESIZE, 2: dict(type='LoadMappedAnnotations')},
    'to_float32=False': {0: dict(type='LoadCheckedImage', to_float32=True)},
    r"and color_type='color'": {0: dict(type='LoadCheckedImage', color_type='grayscale')},
    'to one fixed size right after': {2: dict(type='Resize', scale_factor=0.5)},
    'reduce_zero_label': {1: dict(type='LoadMappedAnnotations', reduce_zero_label=True)},
}


@pytest.mark.parametrize('message', OTHER_PIPELINES)
def test_other_pipelines_are_refused(message, roots, tmp_path):
    cfg = config(roots, 'GTADataset')
    prepare(cfg, tmp_path / 'copy')
    for place, step in OTHER_PIPELINES[message].items():
        cfg['pipeline'][place] = step
    with pytest.raises(JointError, match=message) as error:
        DATASETS.build({**cfg, 'prepared': str(tmp_path / 'copy')})
    assert '\n' not in str(error.value)
    if 'made with' not in message:
        with pytest.raises(JointError, match=message):
            to_prepare(cfg, 'the dataset')


def test_other_settings_folders_and_sources_are_refused(roots, tmp_path, monkeypatch):
    cfg, out = config(roots, 'GTADataset'), tmp_path / 'copy'
    prepare(cfg, out)
    with pytest.raises(
        JointError, match=r'holds a copy made with interpolation bilinear, not area'
    ):
        prepare(config(roots, 'GTADataset', interpolation='area'), out)
    with pytest.raises(JointError, match='holds a copy made with originals in'):
        prepare({**cfg, 'data_root': str(out), 'pipeline': cfg['pipeline']}, out)
    with pytest.raises(JointError, match='holds something else'):
        prepare(cfg, roots['GTADataset'])
    with pytest.raises(JointError, match='is within'):
        prepare(cfg, roots['GTADataset'] / 'images/small')
    monkeypatch.chdir(roots['GTADataset'] / 'labels')
    with pytest.raises(JointError, match='is within'):
        prepare(cfg, 'small')
    with pytest.raises(JointError, match='is a copy of GTADataset'):
        prepared = {'prepared': str(out)}
        DATASETS.build({**config(roots, 'CamVidDataset'), **prepared})
    with pytest.raises(JointError, match='is no prepared copy'):
        DATASETS.build({**cfg, 'prepared': str(tmp_path)})
    with pytest.raises(JointError, match='does not go with reduce_zero_label'):
        DATASETS.build({**cfg, 'prepared': str(out), 'reduce_zero_label': True})


def test_a_broken_original_ends_in_its_name(roots, tmp_path):
    path = roots['GTADataset'] / 'images/00001.png'
    path.write_bytes(path.read_bytes()[:200])
    for workers in (1, 2):
        with pytest.raises(JointError, match=r'00001\.png'):
            prepare(config(roots, 'GTADataset'), tmp_path / 'copy', workers=workers)


def test_a_file_that_reads_back_differently_is_not_kept(tmp_path, monkeypatch):
    label = np.arange(12, dtype=np.uint8).reshape(3, 4)
    write_png(tmp_path / 'a.png', label)
    assert np.array_equal(np.array(Image.open(tmp_path / 'a.png')), label)
    encode = cv2.imencode
    monkeypatch.setattr(cv2, 'imencode', lambda end, array, *rest: encode(end, array + 1, *rest))
    with pytest.raises(JointError, match='reads back differently'):
        write_png(tmp_path / 'b.png', label)
    assert [path.name for path in tmp_path.iterdir()] == ['a.png']


def test_labels_hold_train_ids_and_the_manifest_records_everything(roots, tmp_path):
    cfg, out = config(roots, 'GTADataset', protocol='camvid', scale=(80, 60)), tmp_path / 'copy'
    prepare(cfg, out)
    raw = np.array(Image.open(roots['GTADataset'] / 'labels/00002.png'))
    copied = np.array(Image.open(out / 'labels/00002.png'))
    assert np.array_equal(copied, np.vectorize(GTA_IDS.get)(raw))
    manifest = json.loads((out / MANIFEST).read_text())
    assert manifest['setting'] == dict(
        dataset='GTADataset', size=[80, 60], interpolation='bilinear', backend='cv2', decoder='cv2'
    )
    assert manifest['folders'] == {'images': dict(images=3, labeled=True)}
    assert manifest['source'] == str(roots['GTADataset'])
    assert {'mmseg_joint', 'opencv', 'mmcv'} == set(manifest['versions'])


@pytest.mark.parametrize(
    ('suffix', 'expected'),
    [('.png', '.png'), ('.jpg', '.png'), ('_leftImg8bit.png', '_leftImg8bit.png'), ('', '.png')],
)
def test_suffixes(suffix, expected):
    assert png_suffix(suffix) == expected


def test_places_outside_of_the_root_are_refused():
    assert places({'img_path': 'a/b../', 'seg_map_path': ''}, '.jpg', '.png') == {
        'img_path': 'a/b..',
        'seg_map_path': '.',
    }
    for path in ('/abs', '../up', 's3://bucket'):
        with pytest.raises(JointError, match='relative to data_root'):
            places({'img_path': path}, '.png', '.png')
    with pytest.raises(JointError, match='same names'):
        places({'img_path': 'a', 'seg_map_path': 'a/'}, '.jpg', '.png')


def test_domains_of_a_config():
    inner = dict(
        type='GTADataset', pipeline=[dict(type='LoadAnnotations'), dict(type='LoadCheckedImage')]
    )
    wrapped = dict(type='LabelSubset', count=2, dataset=inner)
    domains = dict(source=inner, target=wrapped, unlabeled=inner, mixed=dict(datasets=[inner] * 2))
    domains['photos'] = dict(type='Unlabeled', dataset=inner)
    domains['lazy'] = dict(type=Unlabeled, dataset=inner)
    cfg = Config(dict(train_dataloader=dict(dataset=dict(type='JointDataset', domains=domains))))
    key = 'train_dataloader.dataset.domains'
    assert domain_config(cfg, 'source') == (f'{key}.source', inner)
    assert domain_config(cfg, 'target') == (f'{key}.target.dataset', inner)
    name, unlabeled = domain_config(cfg, 'unlabeled')
    assert (name, unlabeled['labeled'], len(unlabeled['pipeline'])) == (
        f'{key}.unlabeled',
        False,
        1,
    )
    assert domain_config(cfg, 'photos') == (f'{key}.photos.dataset', unlabeled)
    assert domain_config(cfg, 'lazy') == (f'{key}.lazy.dataset', unlabeled)
    only = Config(dict(train_dataloader=dict(dataset=dict(domains=dict(source=inner)))))
    assert domain_config(only, None) == (f'{key}.source', inner)
    for domain, message in {
        'mixed': 'several datasets',
        'x': 'the config has source, tar',
    }.items():
        with pytest.raises(JointError, match=message):
            domain_config(cfg, domain)
    with pytest.raises(JointError, match=r'no train_dataloader\.dataset'):
        domain_config(Config(), 'source')


def test_other_datasets_are_refused():
    with pytest.raises(JointError, match='is a StreetsDataset'):
        to_prepare(dict(type='StreetsDataset', count=3), 'the dataset')
