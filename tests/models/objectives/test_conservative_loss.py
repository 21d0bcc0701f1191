from __future__ import annotations

import math

import pytest
import torch

from mmseg_joint.errors import JointError
from mmseg_joint.models.objectives import ConservativeLoss, DomainOutput


def output(logits, labels):
    return {'source': DomainOutput(logits, labels, lambda x: x, features=(), logits=logits)}


@pytest.mark.parametrize(
    ('form', 'formula'),
    [
        ('squared', lambda p: (1 + math.log(p)) ** 2),
        ('absolute', lambda p: abs(1 + math.log(p))),
    ],
)
def test_value_and_gradient_pixel_by_pixel(form, formula):
    torch.manual_seed(0)
    logits = torch.randn(2, 4, 3, 5, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(0, 4, (2, 3, 5))
    labels[0, 0] = 255
    objective = ConservativeLoss(weight=0.7, form=form)
    loss = objective(output(logits, labels)).losses['loss_conservative']
    found = []
    for n, y, x in torch.cartesian_prod(*map(torch.arange, (2, 3, 5))).tolist():
        if labels[n, y, x] != 255:
            found.append(formula(float(logits[n, :, y, x].softmax(0)[labels[n, y, x]])))
    assert loss.item() == pytest.approx(0.7 * sum(found) / len(found), rel=1e-12)
    assert torch.autograd.gradcheck(
        lambda z: objective(output(z, labels)).losses['loss_conservative'], logits
    )


def test_its_minimum_is_at_one_over_e():
    p = torch.linspace(0.01, 0.99, 99, dtype=torch.float64)
    logits = torch.stack([p.log(), (1 - p).log()])[None, :, None]
    losses = [
        ConservativeLoss()(output(logits[..., i : i + 1], torch.zeros(1, 1, 1).long()))
        for i in range(99)
    ]
    values = [result.losses['loss_conservative'].item() for result in losses]
    assert values.index(min(values)) == 36 and p[36].item() == pytest.approx(0.37)
    assert values[-1] < 5 < values[0]  # bounded near 1, not near 0


def test_with_cross_entropy_a_pixel_settles_where_documented():
    weight, logit = 5.0, torch.zeros(1, dtype=torch.float64, requires_grad=True)
    p = math.exp(-(1 - 1 / (2 * weight)))
    with torch.no_grad():
        logit.fill_(math.log(p / (1 - p)))
    logits = torch.stack([logit, torch.zeros_like(logit)])[None, :, :, None]
    labels = torch.zeros(1, 1, 1).long()
    loss = ConservativeLoss(weight)(output(logits, labels)).losses['loss_conservative']
    loss = loss + torch.nn.functional.cross_entropy(logits, labels)
    (gradient,) = torch.autograd.grad(loss, logit)
    assert gradient.abs().item() < 1e-12


def test_nothing_labeled_and_unknown_forms():
    logits = torch.randn(1, 4, 3, 5, requires_grad=True)
    labels = torch.full((1, 3, 5), 255)
    loss = ConservativeLoss()(output(logits, labels)).losses['loss_conservative']
    assert loss == 0 and torch.autograd.grad(loss, logits)[0].abs().max() == 0
    with pytest.raises(JointError, match='choose one of squared, absolute'):
        ConservativeLoss(form='cubed')
