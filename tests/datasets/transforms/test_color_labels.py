from __future__ import annotations

import numpy as np
import pytest
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmseg_joint.datasets.label_maps import GTA_IDS
from mmseg_joint.errors import JointError

COLORS = [[1, 2, 3], [[255, 0, 0], [0, 255, 0]], [3, 2, 1]]


def load(path, label_map=None, **values):
    step = TRANSFORMS.build(
        {'type': 'LoadColorAnnotations', 'colors': COLORS, 'ignored': [[0, 0, 0]], **values}
    )
    sample = dict(seg_map_path=str(path), seg_fields=[], label_map=label_map)
    return step({**sample, 'reduce_zero_label': False})['gt_seg_map']


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'P'])
def test_each_color_is_its_class(tmp_path, mode):
    painted = np.array([[[1, 2, 3], [0, 255, 0]], [[255, 0, 0], [0, 0, 0]]], np.uint8)
    image = Image.fromarray(painted)
    image = image.quantize(4) if mode == 'P' else image.convert(mode)
    image.save(tmp_path / 'a.png')
    np.testing.assert_array_equal(load(tmp_path / 'a.png'), [[0, 1], [1, 255]])
    # a subset of the classes, as mmseg maps it
    subset = {0: 255, 1: 0, 2: 1}
    np.testing.assert_array_equal(load(tmp_path / 'a.png', subset), [[255, 0], [0, 255]])


def test_a_class_may_have_no_color(tmp_path):
    Image.new('RGB', (4, 4), (3, 2, 1)).save(tmp_path / 'a.png')
    assert (load(tmp_path / 'a.png', colors=[[1, 2, 3], [], [3, 2, 1]]) == 2).all()


def test_random_colors_are_those_of_a_loop(tmp_path):
    rng = np.random.RandomState(0)
    table = rng.permutation(256**3)[:60]
    colors = [[int(c) >> 16, int(c) >> 8 & 255, int(c) & 255] for c in table]
    truth = rng.randint(0, 60, (20, 30))
    Image.fromarray(np.array(colors, np.uint8)[truth]).save(tmp_path / 'a.png')
    np.testing.assert_array_equal(load(tmp_path / 'a.png', colors=colors), truth)


def test_what_is_no_class_is_refused(tmp_path):
    for value in (9, 255):
        Image.new('RGB', (4, 4), (value,) * 3).save(tmp_path / 'a.png')
        shown = rf'{[value] * 3}: add them'.replace('[', r'\[')
        with pytest.raises(JointError, match=rf"a\.png' has 1 colors of no class, .*{shown}"):
            load(tmp_path / 'a.png')
    for count, remedy in ((100, ': add'), (101, r' \(so many that edges may be blended')):
        gradient = Image.linear_gradient('L').crop((0, 0, 9, 1 + count))  # begins with black
        gradient.convert('RGB').save(tmp_path / 'a.png')
        with pytest.raises(JointError, match=rf'has {count} colors .* \[4, 4, 4\]{remedy}'):
            load(tmp_path / 'a.png')
    Image.new('RGB', (4, 4)).save(tmp_path / 'a.jpg')
    with pytest.raises(JointError, match=r"a\.jpg' is a JPEG"):
        load(tmp_path / 'a.jpg')
    with pytest.raises(JointError, match=r'has the color \[1, 2, 3\] twice'):
        load(tmp_path / 'a.png', ignored=[[1, 2, 3]])
    for color in ([1, 2], [1, 2, 256], [-1, 2, 3], [1, 2, 0.5]):
        with pytest.raises(JointError) as caught:
            load(tmp_path / 'a.png', colors=[color])
        assert f'has the color {color}: give red, green and blue' in str(caught.value)


def test_classes_are_not_taken_for_the_ids_of_a_datasets_files(tmp_path):
    Image.new('RGB', (4, 4), (3, 2, 1)).save(tmp_path / 'a.png')
    fewer = {raw: 255 if to else 0 for raw, to in GTA_IDS.items()}  # metainfo.classes=['road']
    for own in (GTA_IDS, fewer):
        with pytest.raises(JointError, match=r'colors of 3 classes, but .* maps the ids 0 to 34:'):
            load(tmp_path / 'a.png', own)
    camvid = {0: 0, 1: 1, 2: 2, 3: 255, 255: 255}  # its ids are its classes, and one for "none"
    np.testing.assert_array_equal(load(tmp_path / 'a.png', camvid), np.full((4, 4), 2))
