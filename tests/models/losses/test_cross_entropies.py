from __future__ import annotations

import math

import pytest
import torch

from mmseg_joint.models.losses.cross_entropies import gan_loss, global_cross_entropy


@pytest.mark.parametrize('label', [0.0, 1.0])
def test_one_label_for_all_logits(label):
    logits = torch.tensor([[-1.0, 0.5], [3.0, -2.0]], dtype=torch.float64, requires_grad=True)
    shares = [1 / (1 + math.exp(-x)) for x in logits.flatten().tolist()]
    right = shares if label else [1 - share for share in shares]
    loss = gan_loss(logits, label)
    assert loss.item() == pytest.approx(-sum(map(math.log, right)) / 4)
    loss.backward()
    wanted = (torch.tensor(shares, dtype=torch.float64) - label) / 4
    torch.testing.assert_close(logits.grad.flatten(), wanted)


def test_half_precision_is_cast_up():
    assert gan_loss(torch.zeros(3, dtype=torch.float16), 1.0).dtype == torch.float32
    logits, labels = torch.zeros(2, 3, dtype=torch.bfloat16), torch.tensor([0, 1])
    assert global_cross_entropy(logits, labels, 255).dtype == torch.float32


@pytest.mark.parametrize('ignored', [-1, 1, 255])
def test_only_labeled_places_count(ignored):
    logits = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(3, (2, 4, 5))
    labels[:, :1] = ignored
    loss = global_cross_entropy(logits, labels, ignored)
    shares = logits.softmax(dim=1)
    chosen = [
        shares[n, labels[n, y, x], y, x].log()
        for n, y, x in torch.nonzero(labels != ignored).tolist()
    ]
    wanted = -torch.stack(chosen).mean()
    torch.testing.assert_close(loss, wanted)
    (grad,) = torch.autograd.grad(loss, logits, retain_graph=True)
    torch.testing.assert_close(grad, torch.autograd.grad(wanted, logits)[0])


def test_without_any_label_there_is_no_gradient():
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    loss = global_cross_entropy(logits, torch.full((1, 2, 2), 255), 255)
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()
