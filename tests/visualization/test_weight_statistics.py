from __future__ import annotations

import numpy as np
import pytest

from mmseg_joint.visualization.weight_statistics import draw_weight_statistics, weight_statistics
from mmseg_joint.visualization.weighting_maps import WeightedImage

CLASSES = ('road', 'sky', 'pole')


def image(pixel, region, labels, prediction) -> WeightedImage:
    """Two levels; where the label is ignored there is no weight."""
    labels = np.array(labels)
    unknown = np.where(labels == 255, np.nan, 0.0)
    levels = {'pixel': np.array(pixel) + unknown, 'region': np.array(region) + unknown}
    total = (levels['pixel'] + levels['region']) / 2
    photograph = np.zeros((*labels.shape, 3), np.uint8)
    return WeightedImage(photograph, total, levels, labels, np.array(prediction))


IMAGES = [
    image([[1, 1, 0]], [[1, 0, 0]], [[0, 0, 255]], [[0, 1, 1]]),
    image([[0], [0]], [[1], [0]], [[1], [1]], [[1], [1]]),  # of another size
]


def test_statistics_are_those_of_counting_pixel_by_pixel():
    found = weight_statistics(IMAGES, len(CLASSES))
    seen = []  # (weight, class, right) of every labeled pixel
    for entry in IMAGES:
        for place in np.argwhere(entry.labels != 255):
            y, x = place
            label = entry.labels[y, x]
            seen.append((entry.total[y, x], label, entry.prediction[y, x] == label))
    assert len(seen) == 4
    assert found.shares == {w: sum(s[0] == w for s in seen) / 4 for w in (0.0, 0.5, 1.0)}
    assert found.mean == pytest.approx(np.mean([s[0] for s in seen]))
    assert found.right == pytest.approx(np.mean([s[0] for s in seen if s[2]]))
    assert found.wrong == pytest.approx(np.mean([s[0] for s in seen if not s[2]]))
    assert found.levels == {'pixel': 0.5, 'region': 0.5}
    road, sky = (np.mean([s[0] for s in seen if s[1] == c]) for c in (0, 1))
    np.testing.assert_allclose(found.classes, [road, sky, np.nan])


def test_without_wrong_predictions_their_mean_is_nan():
    assert np.isnan(weight_statistics(IMAGES[1:], len(CLASSES)).wrong)


def test_figure_shows_the_numbers():
    found = weight_statistics(IMAGES, len(CLASSES))
    figure = draw_weight_statistics({'iter_1': found, 'iter_2': found}, CLASSES)
    histogram, means, classes = figure.axes[:3]
    heights = [bars[0].get_height() for bars in histogram.containers]
    assert heights == [found.shares[weight] for weight in (0.0, 0.5, 1.0)]
    drawn = {line.get_label(): list(line.get_ydata()) for line in means.lines}
    assert drawn['predicted right'] == [found.right] * 2
    assert drawn['region level'] == [0.5, 0.5]
    np.testing.assert_allclose(classes.images[0].get_array()[:, 1].filled(np.nan), found.classes)
    assert [label.get_text() for label in classes.get_yticklabels()] == list(CLASSES)
    assert [label.get_text() for label in classes.get_xticklabels()] == ['iter_1', 'iter_2']
