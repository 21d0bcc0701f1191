from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F

from mmseg_joint.errors import JointError
from mmseg_joint.models.losses import level_map, weighting_map
from mmseg_joint.models.losses.weighting_maps import _nearest

N, C = 2, 5
LEVELS = ('pixel', 'region', 'image')


def scores(num_maps, size, scale=1.0):
    torch.manual_seed(0)
    region = [max(1, n // 8) for n in size]
    made = {
        'pixel': torch.randn(N, num_maps, *size, dtype=torch.float64),
        'region': torch.randn(N, num_maps, *region, dtype=torch.float64),
        'image': torch.rand(N, num_maps, dtype=torch.float64),
    }
    return {level: scale * score for level, score in made.items()}


def labels(size):
    torch.manual_seed(1)
    made = torch.randint(0, C, (N, *size))
    made[made == 2] = 3  # an absent class
    made[:, : size[0] // 3] = 255
    return made


def reference(scores, labels):
    """Eq. 3 and 4 with every up-sampled map in full and a loop over the images and classes."""
    weights = torch.zeros(labels.shape, dtype=torch.float64)
    for level, score in scores.items():
        for n, k in itertools.product(range(N), range(score.shape[1])):
            m = score[n, k]
            h = (m > (0.5 if level == 'image' else m.mean())).double()
            if level == 'image':
                h = h.expand(labels.shape[1:])
            else:
                h = F.interpolate(h[None, None], labels.shape[1:], mode='nearest')[0, 0]
            reads = labels[n] == k if score.shape[1] > 1 else labels[n] != 255
            weights[n] += h * reads / len(scores)
    return weights


@pytest.mark.parametrize('num_maps', [1, C])
@pytest.mark.parametrize('size', [(24, 40), (13, 37), (7, 5), (61, 83)])
@pytest.mark.parametrize('levels', [LEVELS, ('pixel',), ('region', 'image')])
def test_eq_3_and_4(levels, size, num_maps):
    chosen = {level: scores(num_maps, size)[level] for level in levels}
    weights = weighting_map(chosen, labels(size))
    assert weights.dtype == torch.float32 and not weights.requires_grad
    expected = reference(chosen, labels(size))
    torch.testing.assert_close(weights.double(), expected)
    exact = weighting_map(chosen, labels(size), dtype=torch.float64)
    torch.testing.assert_close(exact, expected, rtol=1e-15, atol=0)
    assert (weights[labels(size) == 255] == 0).all()
    steps = torch.arange(len(levels) + 1) / len(levels)
    assert torch.isin(weights, steps).all()


def test_each_of_two_classes_reads_its_own_map():
    two = labels((13, 37))
    two[two < 255] %= 2
    chosen = scores(2, (13, 37))
    torch.testing.assert_close(weighting_map(chosen, two).double(), reference(chosen, two))


def test_extreme_scores_in_float32():
    chosen = {level: score.float() for level, score in scores(C, (13, 37), 1e30).items()}
    weights = weighting_map(chosen, labels((13, 37)))
    assert weights.isfinite().all() and 0 < weights.mean() < 1


def test_threshold_is_strict():
    for value in (0.1, 1 / 3, -7.7e-5, 1e30):  # whatever rounds badly when summed
        assert not level_map(torch.full((N, C, 37, 53), value), 'pixel').any()
    assert level_map(torch.tensor([[0.5, 0.5001]]), 'image').tolist() == [[False, True]]
    assert level_map(torch.tensor([[[[0.0, 1.0, 0.5]]]]), 'region').tolist() == [
        [[[False, True, False]]]
    ]


def test_means_are_each_images_and_channels_own():
    score = scores(C, (8, 8))['pixel']
    shifted = score + torch.arange(N * C).view(N, C, 1, 1) * 100.0
    assert torch.equal(level_map(score, 'pixel'), level_map(shifted, 'pixel'))


def test_indexing_equals_nearest_upsampling_at_any_size():
    for length in range(1, 41):
        row = torch.arange(float(length))[None, None, None]
        for wanted in (*range(1, 41), 97, 333, 1023):
            index = _nearest(length, wanted, torch.device('cpu'))
            expected = F.interpolate(row, (1, wanted), mode='nearest')[0, 0, 0]
            assert torch.equal(index, expected.long())


def test_no_gradient_flows():
    chosen = {level: score.requires_grad_() for level, score in scores(1, (9, 9)).items()}
    assert not weighting_map(chosen, labels((9, 9))).requires_grad
    assert not level_map(chosen['pixel'], 'pixel').requires_grad


def test_other_ignore_index_and_no_level():
    target = torch.zeros(N, 9, 9, dtype=torch.long)
    assert not weighting_map(scores(C, (9, 9)), target, ignore_index=0).any()
    with pytest.raises(JointError, match='levels'):
        weighting_map({}, target)
