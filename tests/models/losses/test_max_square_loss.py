from __future__ import annotations

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_joint.errors import JointError

N, C, H, W = 3, 5, 7, 9


def scores(scale=3.0):
    torch.manual_seed(0)
    made = scale * torch.randn(N, C, H, W, dtype=torch.float64)
    made[:, 3] -= 20 * scale  # a class that is nowhere predicted
    made[2, 1] += 20 * scale  # an image of one class
    return made.requires_grad_()


def mask():
    torch.manual_seed(1)
    made = torch.rand(N, H, W) > 0.4
    made[1, :5] = False
    return made


def softmax(z):
    exponential = torch.exp(z - z.max(dim=1, keepdim=True).values)
    return exponential / exponential.sum(dim=1, keepdim=True)


def reference(z, valid, image_wise, ratio=0.2):
    """Pixel by pixel and class by class."""
    p = softmax(z)
    if not image_wise:
        pixels = [p[n, :, y, x] for n, y, x in valid.nonzero().tolist()]
        return -0.5 * torch.stack(pixels).square().mean()
    total = 0.0
    for n in range(len(z)):
        predicted = [p[n, :, y, x].argmax().item() for y, x in valid[n].nonzero().tolist()]
        for y, x in valid[n].nonzero().tolist():
            k = p[n, :, y, x].argmax().item()
            count = predicted.count(k) ** ratio * len(predicted) ** (1 - ratio)
            total = total - p[n, :, y, x].square().sum() / max(count, 1) / C
    return total / len(z)


def value_and_gradient(function, z):
    z = z.detach().clone().requires_grad_()
    value = function(z)
    value.backward()
    return value.detach(), z.grad


CASES = [(False, 0.2), (True, 0.2), (True, 0.0), (True, 1.0), (True, -0.2)]


@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize(('image_wise', 'ratio'), CASES)
def test_value_and_gradient(image_wise, ratio, masked):
    loss = MODELS.build(dict(type='MaxSquareLoss', image_wise=image_wise, ratio=ratio))
    valid = mask() if masked else torch.ones(N, H, W, dtype=torch.bool)
    got = value_and_gradient(lambda z: loss(z, mask() if masked else None), scores())
    wanted = value_and_gradient(lambda z: reference(z, valid, image_wise, ratio), scores())
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-15)
    assert got[1].abs().sum() > 0
    assert masked is bool((got[1].abs().sum(dim=1)[~valid] == 0).any())


@pytest.mark.parametrize('image_wise', [False, True])
def test_gradient_has_the_closed_form(image_wise):
    """dL/dz_k is proportional to -p_k (p_k - Σ p²)."""
    loss = MODELS.build(dict(type='MaxSquareLoss', image_wise=image_wise))
    _, gradient = value_and_gradient(loss, scores())
    p = softmax(scores().detach())
    shape = -p * (p - p.square().sum(dim=1, keepdim=True))
    if not image_wise:
        torch.testing.assert_close(gradient, shape / (N * C * H * W), rtol=1e-9, atol=1e-17)
        return
    factor = (gradient * shape).sum(dim=1, keepdim=True) / shape.square().sum(1, keepdim=True)
    torch.testing.assert_close(gradient, factor * shape, rtol=1e-9, atol=1e-17)
    assert (factor > 0).all()
    for n in range(N):  # as many weights as there are predicted classes
        assert len(factor[n].round(decimals=12).unique()) == len(p[n].argmax(dim=0).unique())


@pytest.mark.parametrize('masked', [False, True])
def test_image_wise_loss_of_a_batch_is_the_mean_of_its_images(masked):
    loss = MODELS.build(dict(type='MaxSquareLoss', image_wise=True))
    valid = mask() if masked else torch.ones(N, H, W, dtype=torch.bool)
    alone = [loss(scores()[n : n + 1], valid[n : n + 1]) for n in range(N)]
    torch.testing.assert_close(loss(scores(), valid), torch.stack(alone).mean())
    assert len({value.item() for value in alone}) == N


@pytest.mark.parametrize(('image_wise', 'ratio'), CASES)
def test_image_without_a_valid_pixel(image_wise, ratio):
    loss = MODELS.build(dict(type='MaxSquareLoss', image_wise=image_wise, ratio=ratio))
    value, gradient = value_and_gradient(lambda z: loss(z, torch.zeros(N, H, W).bool()), scores())
    assert value == 0 and (gradient == 0).all()
    valid = mask()
    valid[0] = False
    value, gradient = value_and_gradient(lambda z: loss(z, valid), scores())
    assert value < 0 and (gradient[0] == 0).all() and gradient[1].abs().sum() > 0


@pytest.mark.parametrize(('image_wise', 'ratio'), CASES)
def test_a_single_valid_pixel(image_wise, ratio):
    loss = MODELS.build(dict(type='MaxSquareLoss', image_wise=image_wise, ratio=ratio))
    valid = torch.zeros(N, H, W, dtype=torch.bool)
    valid[1, 2, 3] = True
    got = value_and_gradient(lambda z: loss(z, valid), scores())
    wanted = value_and_gradient(lambda z: reference(z, valid, image_wise, ratio), scores())
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize('image_wise', [False, True])
def test_extreme_scores(image_wise):
    loss = MODELS.build(dict(type='MaxSquareLoss', image_wise=image_wise))
    z = torch.where(scores().detach() > 0, 50.0, -50.0)
    for dtype in (torch.float32, torch.bfloat16):
        value, gradient = value_and_gradient(loss, z.to(dtype))
        wanted = reference(z.double(), torch.ones(N, H, W, dtype=torch.bool), image_wise)
        torch.testing.assert_close(value.double(), wanted, rtol=1e-5, atol=0)
        assert gradient.isfinite().all()


@pytest.mark.parametrize('image_wise', [False, True])
def test_half_precision_scores_are_computed_in_full(image_wise):
    loss = MODELS.build(dict(type='MaxSquareLoss', image_wise=image_wise))
    z = scores().detach().bfloat16()
    value, gradient = value_and_gradient(loss, z)
    wanted, wanted_gradient = value_and_gradient(loss, z.float())
    assert value.dtype == torch.float32 and torch.equal(value, wanted)
    assert torch.equal(gradient, wanted_gradient.bfloat16())


def test_wrong_values_are_refused():
    for ratio in (1.2, -1.2):
        with pytest.raises(JointError, match=rf'MaxSquareLoss\.ratio is {ratio}'):
            MODELS.build(dict(type='MaxSquareLoss', ratio=ratio))
    loss = MODELS.build(dict(type='MaxSquareLoss'))
    for wrong in (mask()[0], mask()[:, None], mask().float()):
        with pytest.raises(JointError, match=r'valid_mask .* \(3, 7, 9\)'):
            loss(scores(), wrong)


@pytest.mark.parametrize('image_wise', [False, True])
def test_what_is_not_finite_does_not_count_where_masked(image_wise):
    config = dict(type='MaxSquareLoss', image_wise=image_wise)
    logits = torch.randn(2, 4, 3, 5, dtype=torch.float64)
    valid = torch.rand(2, 3, 5) > 0.3
    clean = MODELS.build(config)(logits, valid)
    logits[:, 1][~valid] = float('inf')
    logits.requires_grad_()
    loss = MODELS.build(config)(logits, valid)
    torch.testing.assert_close(loss, clean)
    loss.backward()
    assert torch.isfinite(logits.grad).all()
