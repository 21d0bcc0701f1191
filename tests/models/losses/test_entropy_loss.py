from __future__ import annotations

import math

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_joint.errors import JointError

from .test_max_square_loss import C, H, N, W, mask, scores, softmax, value_and_gradient

DIVISORS = {'log': math.log(C), 'classes': C}


def reference(z, valid, divisor):
    """The mean of -Σ p ln p, with both p in the graph."""
    p = softmax(z).permute(0, 2, 3, 1)[valid]
    return -(p * p.log()).sum(dim=1).mean() / divisor


@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('normalization', DIVISORS)
def test_value_and_gradient(normalization, masked):
    loss = MODELS.build(dict(type='EntropyLoss', normalization=normalization))
    valid = mask() if masked else torch.ones(N, H, W, dtype=torch.bool)
    got = value_and_gradient(lambda z: loss(z, mask() if masked else None), scores())
    divisor = DIVISORS[normalization]
    wanted = value_and_gradient(lambda z: reference(z, valid, divisor), scores())
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-15)
    assert got[1].abs().sum() > 0


def test_gradient_passes_a_numerical_check():
    loss = MODELS.build(dict(type='EntropyLoss'))
    torch.manual_seed(0)
    z = torch.randn(2, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(loss, (z,))


def test_the_log_normalization_gives_one_where_nothing_is_known():
    loss = MODELS.build(dict(type='EntropyLoss'))
    torch.testing.assert_close(loss(torch.zeros(N, C, H, W)), torch.tensor(1.0))


def test_no_valid_pixel():
    loss = MODELS.build(dict(type='EntropyLoss'))
    value, gradient = value_and_gradient(lambda z: loss(z, torch.zeros(N, H, W).bool()), scores())
    assert value == 0 and (gradient == 0).all()


@pytest.mark.parametrize('level', [50.0, 500.0])  # p underflows at either
def test_extreme_scores(level):
    loss = MODELS.build(dict(type='EntropyLoss'))
    z = torch.full((1, C, 2, 2), -level)
    z[:, 0] = level  # one class is certain
    z[:, :2, 0] = level  # or two are equal
    for dtype in (torch.float32, torch.bfloat16, torch.float64):
        value, gradient = value_and_gradient(loss, z.to(dtype))
        assert value.item() == pytest.approx(0.5 * math.log(2) / math.log(C), rel=1e-6)
        assert gradient.isfinite().all() and gradient.abs().max() < 1e-6


def test_small_entropies_are_exact():
    loss = MODELS.build(dict(type='EntropyLoss'))
    z = torch.zeros(1, C, 1, 4)
    z[0, 0, 0] = torch.tensor([8.0, 15.0, 40.0, 80.0])
    exact = value_and_gradient(loss, z.double())
    value, gradient = value_and_gradient(loss, z)
    torch.testing.assert_close(value.double(), exact[0], rtol=1e-3, atol=0)
    torch.testing.assert_close(gradient.double(), exact[1], rtol=1e-3, atol=1e-9)


def test_half_precision_scores_are_computed_in_full():
    loss = MODELS.build(dict(type='EntropyLoss'))
    z = scores().detach().bfloat16()
    value, gradient = value_and_gradient(loss, z)
    wanted, wanted_gradient = value_and_gradient(loss, z.float())
    assert value.dtype == torch.float32 and torch.equal(value, wanted)
    assert torch.equal(gradient, wanted_gradient.bfloat16())


def test_one_class_has_no_entropy():
    value, gradient = value_and_gradient(
        MODELS.build(dict(type='EntropyLoss')), scores()[:, :1].contiguous()
    )
    assert value == 0 and (gradient == 0).all()


def test_wrong_values_are_refused():
    with pytest.raises(JointError, match=r"normalization is 'pixels'.*log, classes"):
        MODELS.build(dict(type='EntropyLoss', normalization='pixels'))
    with pytest.raises(JointError, match='valid_mask'):
        MODELS.build(dict(type='EntropyLoss'))(scores(), mask()[:2])


def test_what_is_not_finite_does_not_count_where_masked():
    config = dict(type='EntropyLoss')
    logits = torch.randn(2, 4, 3, 5, dtype=torch.float64)
    valid = torch.rand(2, 3, 5) > 0.3
    clean = MODELS.build(config)(logits, valid)
    logits[:, 1][~valid] = float('inf')
    logits.requires_grad_()
    loss = MODELS.build(config)(logits, valid)
    torch.testing.assert_close(loss, clean)
    loss.backward()
    assert torch.isfinite(logits.grad).all()
