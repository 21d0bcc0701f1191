from __future__ import annotations

import math

import pytest

from mmseg_joint.study.statistics import Gain, gain_of, labels_needed, paired, signed

# Student's 97.5 % quantiles, as printed in tables
T1, T2 = 12.706, 4.303


def test_a_gain_with_its_interval_by_hand():
    gain = gain_of([1.0, 2.0, 3.0])  # s = 1
    assert (gain.mean, gain.seeds, gain.excludes_zero) == (2.0, 3, False)
    assert (gain.low, gain.high) == pytest.approx(
        (2 - T2 / math.sqrt(3), 2 + T2 / math.sqrt(3)), abs=1e-3
    )
    two = gain_of([1.0, 2.0])  # s = 1/√2
    assert (two.low, two.high) == pytest.approx((1.5 - T1 / 2, 1.5 + T1 / 2), abs=1e-3)
    assert gain_of([2.9, 3.0, 3.1]).excludes_zero
    assert gain_of([-2.9, -3.0, -3.1]).excludes_zero
    assert not gain_of([0.01, 0.01, 0.01]).excludes_zero  # a metric's last decimal
    one = gain_of([5.0])
    assert one == Gain(5.0, None, None, seeds=1) and not one.excludes_zero
    assert gain_of([]) is None


@pytest.mark.parametrize(
    ('mean', 'low', 'high', 'excludes'),
    [
        (0.5, 0.1, 0.9, True),
        (0.5, -0.1, 1.1, False),
        (0.3, -0.1, 0.7, False),
        (0.5, 0.0, 1.0, False),
        (-0.5, -1.0, 0.0, False),
        (0.05, 0.01, 0.09, True),
        (-0.04, -0.05, -0.03, False),
    ],
)
def test_an_interval_that_ends_at_0_holds_it(mean, low, high, excludes):
    assert Gain(mean, low, high, seeds=3).excludes_zero == excludes


def test_numbers_are_written_with_their_sign():
    assert [signed(x) for x in (1.26, -1.26, -0.04, 0.0)] == ['+1.3', '-1.3', '+0.0', '+0.0']
    assert signed(-0.04, digits=2) == '-0.04'


def test_seeds_are_paired():
    assert paired({2: 50.0, 0: 40.0, 7: 1.0}, {0: 38.0, 2: 51.0, 5: 9.0}) == [2.0, -1.0]


def test_labels_needed_by_hand():
    """The curve rises by 10 from 10 to 100 labels, and by 5 up to the square root of 1,000."""
    curve = {10: {0: 40.0, 1: 41.0}, 100: {0: 50.0, 1: 51.0}}
    needed = labels_needed(curve, {0: 45.0, 1: 46.2})
    # at 10^(1+f) the differences are 5 - 10 f and 5.2 - 10 f: mean 5.1 - 10 f, s = 0.2/√2
    assert needed.number == pytest.approx(10**1.51, rel=1e-3)
    half = T1 * 0.2 / math.sqrt(2) / math.sqrt(2)
    ends = [10 ** (1 + (5.1 - sign * half) / 10) for sign in (1, -1)]
    assert (needed.low, needed.high) == pytest.approx(ends, rel=0.01)
    assert (needed.least, needed.most) == (10, 100)


def test_the_curves_own_spread_counts():
    """The method's score is the same for each seed, the curve's is not."""
    curve = {10: {0: 40.0, 1: 40.2}, 100: {0: 50.0, 1: 50.2}}
    needed = labels_needed(curve, {0: 45.0, 1: 45.0})
    half = T1 * 0.2 / 2
    assert needed.high == pytest.approx(10 ** (1 + (4.9 + half) / 10), rel=0.01)


@pytest.mark.parametrize('gain', [5.0, 5.3])
def test_seeds_that_agree_leave_only_the_estimate(gain):
    """The interval is then narrower than the steps in which it is looked for."""
    curve = {10: {0: 40.0, 1: 41.0}, 100: {0: 50.0, 1: 51.0}}
    needed = labels_needed(curve, {0: 40.0 + gain, 1: 41.0 + gain})
    assert needed.number == pytest.approx(10 ** (1 + gain / 10))
    assert (needed.low, needed.high) == pytest.approx((needed.number, needed.number))


def test_a_flat_curve_excludes_nothing():
    curve = {10: {0: 40.0, 1: 47.0}, 100: {0: 50.0, 1: 44.0}}
    needed = labels_needed(curve, {0: 46.0, 1: 45.0})
    assert (needed.low, needed.high) == (0.0, math.inf)


def test_where_the_curve_ends():
    curve = {12: {0: 40.0, 1: 41.0}, 367: {0: 50.0, 1: 51.0}}
    above = labels_needed(curve, {0: 60.0, 1: 61.0})
    assert (above.number, above.beyond, above.most) == (None, 'above', 367)
    assert (above.low, above.high) == (pytest.approx(367), math.inf)
    below = labels_needed(curve, {0: 30.0, 1: 31.0})
    assert (below.number, below.beyond, below.least) == (None, 'below', 12)
    assert (below.low, below.high) == (0.0, pytest.approx(12))


def test_the_interval_holds_a_number_beyond_the_curve():
    """The seeds separate the method from the curve's end, but not from its noisy beginning."""
    for sign, side in ((1, 'above'), (-1, 'below')):
        ends = {0: 50.0, 1: 50.0}, {0: 50.0 - 9 * sign, 1: 50.0 + sign}
        curve = dict(zip((10, 100), ends[::-sign]))
        needed = labels_needed(curve, {0: 50.0 + 0.3 * sign, 1: 50.0 + 0.3 * sign})
        assert (needed.number, needed.beyond) == (None, side)
        # |4 f + .3| points against 12.7 · 5 f, with f the distance from the other end
        assert (needed.low, needed.high) == (0.0, math.inf)


def test_labels_needed_of_one_seed_or_one_point():
    curve = {12: {0: 40.0}, 367: {0: 50.0}}
    needed = labels_needed(curve, {0: 45.0})
    assert (needed.low, needed.high) == (None, None)
    assert needed.number == pytest.approx(math.sqrt(12 * 367))
    assert labels_needed({12: {0: 40.0}}, {0: 45.0}) is None
    assert labels_needed(curve, {1: 45.0}) is None  # no shared seed
    for score, number in ((40.0, 12), (50.0, 367)):  # at its ends
        needed = labels_needed(curve, {0: score})
        assert (needed.number, needed.beyond) == (pytest.approx(number), '')


def test_a_curve_that_falls_is_read_where_it_first_reaches_the_score():
    curve = {10: {0: 40.0}, 100: {0: 50.0}, 1000: {0: 44.0}}
    assert labels_needed(curve, {0: 45.0}).number == pytest.approx(math.sqrt(1000), rel=1e-3)


def test_a_count_with_too_few_seeds_does_not_discard_the_others():
    """With a single run at 1,000 labels, the estimate uses all seeds of the other counts."""
    curve = {10: {0: 40.0, 1: 41.0, 2: 39.5}, 100: {0: 50.0, 1: 51.0, 2: 50.0}}
    method = {0: 45.0, 1: 46.2, 2: 44.0}
    whole = labels_needed(curve, method)
    few = {1000: {1: 60.0, 9: 61.0}, 200: {0: 52.0}}
    needed = labels_needed({**curve, **few}, method)
    assert (needed.number, needed.low, needed.high) == (whole.number, whole.low, whole.high)
    assert (whole.seeds, whole.counts, whole.left_out) == ((0, 1, 2), (10, 100), {})
    assert (needed.seeds, needed.counts) == ((0, 1, 2), (10, 100))
    assert list(needed.left_out.items()) == [(200, 1), (1000, 1)]
    alone = labels_needed({n: {1: s[1]} for n, s in curve.items()} | {1000: {1: 60.0}}, method)
    assert (alone.seeds, alone.counts) == ((1,), (10, 100, 1000))
    assert alone.number != pytest.approx(needed.number, rel=0.01)


@pytest.mark.parametrize(
    ('seeds', 'counts', 'used'),
    [
        ((5, 5, 3, 3), (0, 1, 2, 3), 3),  # 12 runs rather than 10
        ((3, 3, 2), (0, 1), 3),  # equally many runs: more seeds rather than more counts
        ((2, 2, 1, 1, 1), (0, 1), 2),  # one seed has no interval
        ((1, 1, 1), (0, 1, 2), 1),
    ],
)
def test_the_number_is_read_from_the_most_runs(seeds, counts, used):
    curve = {10 ** (1 + n): dict.fromkeys(range(own), 40.0 + n) for n, own in enumerate(seeds)}
    needed = labels_needed(curve, dict.fromkeys(range(5), 40.2))
    assert needed.counts == tuple(10 ** (1 + n) for n in counts)
    assert needed.seeds == tuple(range(used))
