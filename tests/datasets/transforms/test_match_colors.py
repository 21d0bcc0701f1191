from __future__ import annotations

import cv2
import numpy as np
import pytest

from mmseg_joint.datasets.transforms import MatchColors
from mmseg_joint.datasets.transforms.match_colors import statistics, with_statistics
from mmseg_joint.errors import JointError


def lab(image):
    return cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_BGR2LAB).reshape(-1, 3)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'images').mkdir()
    random = np.random.RandomState(0)
    for number, color in enumerate([(90, 110, 130), (140, 120, 100)]):
        image = np.clip(random.normal(color, 12, (30, 40, 3)), 0, 255).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f'images/{number}.png'), image)
    return tmp_path


def like(folder):
    return dict(
        type='BaseSegDataset',
        data_root=str(folder),
        data_prefix=dict(img_path='images', seg_map_path='labels'),
        img_suffix='.png',
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')],
    )


def test_mean_and_deviation_become_those_of_one_of_the_images(folder):
    random = np.random.RandomState(1)
    image = np.clip(random.normal((120, 160, 90), 20, (50, 60, 3)), 0, 255).astype(np.uint8)
    wanted = [lab(cv2.imread(str(folder / f'images/{n}.png'))) for n in range(2)]
    match, hits = MatchColors(like(folder)), [0, 0]
    np.random.seed(0)
    for _ in range(12):
        got = match.transform(dict(img=image.copy()))['img']
        assert got.dtype == np.uint8 and got.shape == image.shape
        near = [np.abs(lab(got).mean(0) - w.mean(0)).max() for w in wanted]
        best = int(np.argmin(near))
        hits[best] += 1
        assert near[best] < 0.7
        assert np.abs(lab(got).std(0) - wanted[best].std(0)).max() < 0.7
    assert min(hits) > 2


def test_own_statistics_change_nothing_and_gray_stays_finite():
    image = np.random.RandomState(0).randint(40, 200, (9, 11, 3), np.uint8)
    again = with_statistics(image, *statistics(lab(image)[None]))
    assert np.abs(again.astype(int) - image).max() <= 1 and (again == image).mean() > 0.95
    flat = np.full((9, 11, 3), 77, np.uint8)
    changed = with_statistics(flat, np.array([60.0, 0, 0]), np.array([5.0, 1, 1]))
    assert np.abs(lab(changed) - (60, 0, 0)).max() < 0.3


def test_share_of_images(folder):
    image = np.zeros((5, 6, 3), np.uint8)
    match = MatchColors(like(folder), prob=0.25)
    np.random.seed(0)
    changed = [match.transform(dict(img=image))['img'].any() for _ in range(400)]
    assert abs(np.mean(changed) - 0.25) < 0.07


def test_a_truncated_image_is_named(folder):
    path = folder / 'images/0.png'
    (folder / 'images/1.png').unlink()
    match = MatchColors(like(folder))
    jpeg = cv2.imencode('.jpg', cv2.imread(str(path)))[1].tobytes()
    for whole in (path.read_bytes(), jpeg):
        path.write_bytes(whole[:-20])
        with pytest.raises(JointError, match=r"the image '.*/0\.png' is broken or truncated"):
            match.transform(dict(img=np.zeros((5, 6, 3), np.uint8)))


def test_refusals(folder):
    with pytest.raises(JointError, match=r'prob is 2: choose a number from 0 to 1'):
        MatchColors(like(folder), prob=2)
    (folder / 'empty').mkdir()
    empty = dict(like(folder), data_prefix=dict(img_path='empty'))
    with pytest.raises(JointError, match=r'MatchColors\.like has no images'):
        MatchColors(empty)
