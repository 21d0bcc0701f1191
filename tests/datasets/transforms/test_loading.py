from __future__ import annotations

import io

import cv2
import mmcv
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from mmengine.fileio import LocalBackend, register_backend
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

from mmseg_joint.datasets.label_maps import GTA_IDS, SYNTHIA_IDS
from mmseg_joint.datasets.transforms import (
    LoadCheckedImage,
    LoadIdAnnotations,
    LoadMappedAnnotations,
    LoadSynthiaAnnotations,
)
from mmseg_joint.errors import JointError


@pytest.fixture(params=['cv2', 'pillow'])
def backend(request):
    """mmcv's global image backend."""
    mmcv.use_backend(request.param)
    yield request.param
    mmcv.use_backend('cv2')


@pytest.fixture
def ids():
    return np.random.RandomState(0).randint(0, 35, (20, 24)).astype(np.uint8)


def results(path, label_map=None, **kwargs):
    return dict(
        {'seg_map_path': str(path), 'label_map': label_map, 'reduce_zero_label': False},
        seg_fields=[],
        **kwargs,
    )


def reference(raw, label_map):
    """Pixel by pixel, in plain Python."""
    return np.array([[label_map[int(v)] for v in row] for row in raw])


def save(ids, path, palette=False):
    image = Image.fromarray(ids)
    if palette:
        image.putpalette(list(range(256)) * 3)
    image.save(path)
    return path


@pytest.mark.parametrize('palette', [False, True])
def test_maps_like_the_reference_with_every_backend(tmp_path, ids, backend, palette):
    path = save(ids, tmp_path / 'a.png', palette)
    out = LoadMappedAnnotations(imdecode_backend=backend)(results(path, GTA_IDS))
    np.testing.assert_array_equal(out['gt_seg_map'], reference(ids, GTA_IDS))
    assert out['gt_seg_map'].dtype == np.uint8
    assert out['seg_fields'] == ['gt_seg_map']


def test_without_map_values_stay(tmp_path, ids):
    out = LoadMappedAnnotations()(results(save(ids, tmp_path / 'a.png')))
    np.testing.assert_array_equal(out['gt_seg_map'], ids)


@pytest.mark.parametrize('label_map', [None, {0: 2, 1: 0, 2: 255, 3: 1}])
def test_reduce_zero_label_equals_mmseg(tmp_path, label_map):
    values = [0, 1, 2, 3, 4, 255]
    raw = np.random.RandomState(1).choice(values, (9, 11)).astype(np.uint8)
    path = save(raw, tmp_path / 'a.png')
    wanted = LoadAnnotations()(dict(results(path, label_map), reduce_zero_label=True))
    out = LoadMappedAnnotations()(dict(results(path, label_map), reduce_zero_label=True))
    np.testing.assert_array_equal(out['gt_seg_map'], wanted['gt_seg_map'])
    given = LoadMappedAnnotations(reduce_zero_label=False)  # goes before what the dataset says
    out = given(dict(results(path), reduce_zero_label=True))
    np.testing.assert_array_equal(out['gt_seg_map'], raw)


def test_listed_ids_are_the_classes(tmp_path):
    path = save(np.array([[7, 20, 21], [0, 40, 255]], np.uint8), tmp_path / 'a.png')
    load = LoadIdAnnotations([7, [20, 21], 40], ignored=[0])
    np.testing.assert_array_equal(load(results(path))['gt_seg_map'], [[0, 1, 1], [255, 2, 255]])
    # a subset of the classes, as mmseg maps it
    fewer = load(results(path, {0: 255, 1: 0, 2: 1}))['gt_seg_map']
    np.testing.assert_array_equal(fewer, [[255, 0, 0], [255, 1, 255]])
    of_void = LoadIdAnnotations([255, [20, 21, 40]], ignored=[0, 7])(results(path))['gt_seg_map']
    np.testing.assert_array_equal(of_void, [[255, 1, 1], [255, 1, 0]])


def test_unlisted_and_invalid_ids_are_refused(tmp_path):
    path = save(np.array([[7, 20, 9]], np.uint8), tmp_path / 'a.png')
    with pytest.raises(
        JointError, match=r"a\.png' holds the values \[9\], .*ids \[7, 20, 255\]: add them"
    ):
        LoadIdAnnotations([7, 20])(results(path))
    with pytest.raises(JointError, match='has the id 7 twice: give each to one class'):
        LoadIdAnnotations([7, [20, 7]])
    for value in (256, -1, 1.0, '7', True):
        with pytest.raises(JointError, match=f'has the id {value!r}: give a whole number from 0'):
            LoadIdAnnotations([7, value])
    for own in (GTA_IDS, {0: 0, 1: 1, 2: 255}):  # of a dataset; of another number of classes
        with pytest.raises(JointError, match='of 2 classes, but GTADataset maps the ids'):
            LoadIdAnnotations([7, 20])(results(path, own, dataset_name='GTADataset'))


def test_few_colors_in_a_palette(tmp_path):
    """Pillow packs a small palette into 1 to 4 bits per pixel."""
    raw = np.random.RandomState(2).randint(0, 3, (7, 13)).astype(np.uint8)
    image = Image.fromarray(raw)
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    image.save(tmp_path / 'a.png', bits=2)
    assert (tmp_path / 'a.png').read_bytes()[24] == 2
    out = LoadMappedAnnotations()(results(tmp_path / 'a.png'))
    np.testing.assert_array_equal(out['gt_seg_map'], raw)


def test_refuses_values_outside_the_map(tmp_path, ids):
    ids[0, :2] = 200, 255
    path = save(ids, tmp_path / 'a.png')
    with pytest.raises(JointError) as caught:
        LoadMappedAnnotations()(
            results(path, GTA_IDS, dataset_name='GTADataset', label_hint='use the others')
        )
    for part in (str(path), '[200, 255]', 'GTADataset', '0 to 34', 'use the others'):
        assert part in str(caught.value)


def test_refuses_a_missing_label(tmp_path):
    with pytest.raises(JointError, match=r"no label file '.*nowhere\.png'.*data_root"):
        LoadMappedAnnotations()(results(tmp_path / 'nowhere.png'))


@pytest.mark.parametrize('keep', [0, 20, 200])
def test_refuses_a_truncated_label(tmp_path, ids, keep):
    path = save(ids, tmp_path / 'a.png')
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(JointError, match=r'a\.png. is broken or truncated'):
        LoadMappedAnnotations()(results(path))


def test_refuses_a_flipped_bit(tmp_path, ids):
    path = save(ids, tmp_path / 'a.png')
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(JointError, match='broken'):
        LoadMappedAnnotations()(results(path))


def make_bad(kind, ids):
    buffer = io.BytesIO()
    if kind == 'color':
        Image.fromarray(np.stack([ids] * 3, -1)).save(buffer, 'PNG')
    elif kind == '16-bit':
        Image.fromarray(ids.astype(np.uint16)).save(buffer, 'PNG')
    elif kind == 'color, no PNG':
        Image.fromarray(np.stack([ids] * 3, -1)).save(buffer, 'BMP')
    elif kind == 'jpeg':
        Image.fromarray(ids).save(buffer, 'JPEG')
    else:
        Image.fromarray(ids > 9).save(buffer, 'PNG')
    return buffer.getvalue()


@pytest.mark.parametrize('kind', ['color', 'color, no PNG', '16-bit', 'jpeg', '1-bit gray'])
def test_refuses_what_is_not_one_id_per_pixel(tmp_path, ids, kind):
    (tmp_path / 'a.png').write_bytes(make_bad(kind, ids))
    with pytest.raises(JointError, match=r'a\.png. is a .* not one id a pixel: save the ids as'):
        LoadMappedAnnotations()(results(tmp_path / 'a.png'))


@pytest.mark.parametrize('height, width', [(20, 24), (22, 24), (18, 25), (21, 22)])
def test_tolerates_some_pixels(tmp_path, ids, height, width):
    path = save(ids, tmp_path / 'a.png')
    info = results(path, GTA_IDS, ori_shape=(height, width), size_tolerance=2)
    out = LoadMappedAnnotations()(info)['gt_seg_map']
    wanted = np.full((height, width), 255)
    h, w = min(height, 20), min(width, 24)
    wanted[:h, :w] = reference(ids, GTA_IDS)[:h, :w]
    np.testing.assert_array_equal(out, wanted)


@pytest.mark.parametrize('shape, tolerance', [((23, 24), 2), ((20, 25), 0)])
def test_refuses_another_size(tmp_path, ids, shape, tolerance):
    path = save(ids, tmp_path / 'a.png')
    info = results(path, ori_shape=shape, size_tolerance=tolerance, img_path='b.png')
    with pytest.raises(JointError, match=rf"24x20 .*'b\.png' has {shape[1]}x{shape[0]}"):
        LoadMappedAnnotations()(info)


def test_mmsegs_order_of_testing_loads_the_label_after_resizing(tmp_path, ids):
    path = save(ids, tmp_path / 'a.png')
    info = results(path, img_shape=(40, 48), ori_shape=(20, 24))
    np.testing.assert_array_equal(LoadMappedAnnotations()(info)['gt_seg_map'], ids)


def test_synthia_is_right_with_every_backend(tmp_path, backend):
    raw = np.random.RandomState(3).randint(0, 23, (20, 24))
    red_first = np.stack([raw, raw * 100 + 7, raw * 0 + 9], -1).astype(np.uint16)
    cv2.imwrite(str(tmp_path / 'a.png'), red_first[..., ::-1])
    out = LoadSynthiaAnnotations(imdecode_backend=backend)(results(tmp_path / 'a.png', SYNTHIA_IDS))
    np.testing.assert_array_equal(out['gt_seg_map'], reference(raw, SYNTHIA_IDS))


def test_synthia_refuses_other_files_and_values(tmp_path, ids):
    path = save(ids, tmp_path / 'a.png')
    with pytest.raises(JointError, match=r'a\.png. is not a 16-bit, three-channel PNG.*GT/LABELS'):
        LoadSynthiaAnnotations()(results(path, SYNTHIA_IDS))
    cv2.imwrite(str(path), np.ones((4, 4, 4), np.uint16))
    with pytest.raises(JointError, match='three-channel'):
        LoadSynthiaAnnotations()(results(path, SYNTHIA_IDS))
    # 258 must not wrap around to the sidewalk's 2 in 8 bits
    cv2.imwrite(str(path), np.full((4, 4, 3), 258, np.uint16))
    with pytest.raises(JointError, match=r'holds the values \[255\]'):
        LoadSynthiaAnnotations()(results(path, SYNTHIA_IDS))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(JointError, match='broken or truncated'):
        LoadSynthiaAnnotations()(results(path, SYNTHIA_IDS))


@pytest.mark.parametrize('suffix', ['png', 'jpg'])
def test_image_equals_mmcv_and_bad_ones_are_named(tmp_path, suffix):
    path = tmp_path / f'a.{suffix}'
    noise = np.random.RandomState(4).randint(0, 256, (30, 40, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    out = LoadCheckedImage()({'img_path': str(path)})
    np.testing.assert_array_equal(out['img'], mmcv.imread(str(path)))
    assert out['img_shape'] == out['ori_shape'] == (30, 40)
    whole = path.read_bytes()
    path.write_bytes(whole + b'\0\0')  # some cameras pad
    np.testing.assert_array_equal(LoadCheckedImage()({'img_path': str(path)})['img'], out['img'])
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(JointError, match=rf"image '{path}' is broken or truncated"):
        LoadCheckedImage()({'img_path': str(path)})
    path.unlink()
    with pytest.raises(JointError, match=rf"no image '{path}'"):
        LoadCheckedImage()({'img_path': str(path)})


@pytest.mark.parametrize(
    'options',
    [dict(to_float32=True), dict(color_type='grayscale'), dict(imdecode_backend='pillow')],
)
def test_image_equals_mmcv_with_every_option(tmp_path, options):
    noise = np.random.RandomState(4).randint(0, 2**16, (30, 40)).astype(np.uint16)
    Image.fromarray(noise).save(tmp_path / 'a.png')  # of which backends make different bytes
    own, theirs = (
        kind(**options)({'img_path': str(tmp_path / 'a.png')})
        for kind in (LoadCheckedImage, LoadImageFromFile)
    )
    np.testing.assert_array_equal(own.pop('img'), theirs['img'], strict=True)
    assert own == {key: value for key, value in theirs.items() if key != 'img'}


def test_files_are_read_where_the_config_says(tmp_path, ids):
    save(ids, tmp_path / 'a.png')

    class Shelf(LocalBackend):
        def get(self, filepath):
            return super().get(tmp_path / filepath)

    register_backend('shelf', Shelf, force=True)
    there = dict(backend_args=dict(backend='shelf'))
    labels = LoadMappedAnnotations(**there)(results('a.png'))['gt_seg_map']
    np.testing.assert_array_equal(labels, ids)
    image = LoadCheckedImage(**there)({'img_path': 'a.png'})['img']
    np.testing.assert_array_equal(image, np.stack([ids] * 3, -1))
