"""Thresholds from a histogram against sorted values."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_joint.writing.confidence_histogram import BINS, ConfidenceHistogram, confidence_bins

C = 5


def predictions(seed, count=3):
    """Labels and confidences of some images; class 3 is never predicted, class 4 once."""
    rng = np.random.RandomState(seed)
    for number in range(count):
        labels = rng.choice([0, 1, 2], size=(31, 17 + number), p=[0.7, 0.2, 0.1]).astype(np.uint8)
        confidence = (1 / C + (1 - 1 / C) * rng.beta(1 + 2 * labels, 1)).astype(np.float32)
        if number == 1:
            labels[0, 0], confidence[0, 0] = 4, 0.5
        yield labels, confidence


@pytest.mark.parametrize('quantile', [0.0, 0.3, 0.5, 0.8])
@pytest.mark.parametrize('cap', [0.9, 1.0])
def test_thresholds_equal_a_sort(quantile, cap):
    histogram = ConfidenceHistogram(C)
    seen = list(predictions(0))
    for labels, confidence in seen:
        histogram.add(labels, confidence_bins(confidence))
    got = histogram.thresholds(quantile, cap) / BINS
    kept = histogram.kept(histogram.thresholds(quantile, cap))
    labels, confidence = (np.concatenate([pair[i].ravel() for pair in seen]) for i in (0, 1))
    for c in (0, 1, 2, 4):
        values = np.sort(confidence[labels == c])
        wanted = min(values[int(np.round(len(values) * quantile)) if len(values) > 1 else 0], cap)
        assert wanted - 1 / BINS <= got[c] <= wanted
        assert kept[c] == pytest.approx((values >= wanted).mean(), abs=0.011)
    assert got[3] == cap and np.isnan(kept[3])
    if cap == 0.9 and quantile == 0.5:  # the cap matters for at least one class, but not for all
        assert got[2] == 0.9 and got[0] < 0.9


def test_one_threshold_for_all_classes():
    histogram = ConfidenceHistogram(C)
    for labels, confidence in predictions(1):
        histogram.add(labels, confidence_bins(confidence))
    np.testing.assert_array_equal(histogram.thresholds(quantile=1, cap=0.8), [8000] * C)


def test_bins_hold_both_ends():
    bins = confidence_bins(np.array([0.0, 0.00009, 0.0001, 0.5, 0.9, 1.0]))
    np.testing.assert_array_equal(bins, [0, 0, 1, 5000, 9000, BINS])
