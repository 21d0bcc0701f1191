from __future__ import annotations

import cv2
import numpy as np
import pytest
from mmseg.registry import TRANSFORMS

from mmseg_joint.datasets.randomness import seeded
from mmseg_joint.errors import JointError


def blur(image, **values):
    step = TRANSFORMS.build(dict(type='RandomGaussianBlur', **values))
    return step(dict(img=image.copy()))['img']


def edge():
    image = np.zeros((41, 40, 3), np.uint8)
    image[:, 20:] = 240
    return image


@pytest.mark.parametrize('radius', [0.3, 0.5, 0.75, 1.0, 2.0])
def test_an_edge_is_widened_by_the_radius(radius):
    row = blur(edge(), prob=1.0, radius=(radius, radius))[20, :, 0].astype(float)
    slope = np.diff(row) / 240
    place = np.arange(39)
    mean = (slope * place).sum()
    assert slope.sum() == pytest.approx(1) and mean == pytest.approx(19, abs=0.05)
    variance = (slope * (place - mean) ** 2).sum()
    assert variance == pytest.approx(radius**2, rel=0.1)


def test_values_are_those_of_a_gaussian():
    rng = np.random.RandomState(0)
    image = cv2.resize(rng.randint(0, 256, (6, 8, 3)).astype(np.uint8), (64, 48))
    weights = np.exp(-(np.arange(-6, 7) ** 2) / 2)
    weights /= weights.sum()
    wanted = image.astype(float)
    for axis in (0, 1):  # edges are continued
        pad = [(6, 6) if a == axis else (0, 0) for a in range(3)]
        padded = np.pad(wanted, pad, mode='edge')
        wanted = sum(
            w * padded.take(range(i, i + image.shape[axis]), axis) for i, w in enumerate(weights)
        )
    got = blur(image, prob=1.0, radius=(1.0, 1.0))
    assert got.shape == image.shape and got.dtype == np.uint8
    assert np.abs(got - wanted).max() < 3 and np.abs(image - wanted).max() > 5


def test_probability_and_range():
    flat = np.full((5, 5), 7, np.uint8)
    np.testing.assert_array_equal(blur(flat, prob=1.0), flat)
    np.testing.assert_array_equal(blur(edge(), prob=0.0, radius=(1, 1)), edge())
    np.testing.assert_array_equal(blur(edge(), prob=1.0, radius=(0, 0)), edge())
    widths, untouched = set(), 0
    for position in range(400):
        with seeded(0, 'source', position):
            out = blur(edge(), prob=0.5, radius=(0.5, 1.0))
        with seeded(0, 'source', position):  # as JointDataset seeds it: the draw alone decides
            np.testing.assert_array_equal(blur(edge(), prob=0.5, radius=(0.5, 1.0)), out)
        untouched += np.array_equal(out, edge())
        widths.add(int(out[20, 20, 0]))
    assert 160 < untouched < 240
    assert len(widths) > 20  # a new radius every time


def test_labels_stay():
    step = TRANSFORMS.build(dict(type='RandomGaussianBlur', prob=1.0, radius=(1, 1)))
    labels = edge()[..., 0]
    out = step(dict(img=edge(), gt_seg_map=labels.copy(), seg_fields=['gt_seg_map']))
    np.testing.assert_array_equal(out['gt_seg_map'], labels)
    assert (out['img'] != edge()).any()


def test_wrong_values_are_refused():
    with pytest.raises(JointError, match=r'prob is 1\.5'):
        TRANSFORMS.build(dict(type='RandomGaussianBlur', prob=1.5))
    for radius in ((1.0, 0.5), (-1, 1), (1,)):
        with pytest.raises(JointError, match='radius'):
            TRANSFORMS.build(dict(type='RandomGaussianBlur', radius=radius))
    with pytest.raises(JointError, match=r'float32: load it with to_float32=False'):
        blur(edge().astype(np.float32), prob=1.0)
