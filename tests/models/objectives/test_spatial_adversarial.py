"""ROAD's spatial classifiers against an explicit reversal of the gradient."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmseg_joint.errors import JointError
from mmseg_joint.models.objectives import DomainOutput, SpatialAdversarial

SIZES = {'source': (7, 10), 'unlabeled': (6, 9)}


class Reverse(torch.autograd.Function):
    """The identity, with its gradient reversed and scaled."""

    @staticmethod
    def forward(ctx, x, scale):
        ctx.scale = scale
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return -ctx.scale * gradient, None


def setting(**values):
    torch.manual_seed(0)
    objective = SpatialAdversarial(4, classifier=dict(channels=(5, 3)), **values).double()
    backbone = nn.Conv2d(3, 4, 1).double()
    images = {d: torch.randn(2, 3, *size).double() for d, size in SIZES.items()}
    outputs = {
        d: DomainOutput(x, None, lambda x: x, features=(x, backbone(x)), logits=x)
        for d, x in images.items()
    }
    return objective, backbone, images, outputs


def by_hand(objective, backbone, images, scale):
    """Each cell by the classifier of the region that it lies in."""
    total, right = 0, []
    for domain, label in (('source', 0.0), ('unlabeled', 1.0)):
        features = Reverse.apply(backbone(images[domain]), scale)
        height, width = features.shape[2:]
        rows, columns = ((torch.arange(n * 3) // n, n) for n in (height, width))
        cells = {}
        for y in range(height):
            for x in range(width):
                place = [
                    next(i for i in range(3) if position < n * (i + 1) // 3)
                    for position, n in ((y, height), (x, width))
                ]
                cell = features[:, :, y, x][:, :, None, None]
                cells.setdefault(3 * place[0] + place[1], []).append(
                    objective.classifiers[3 * place[0] + place[1]](cell)
                )
        assert len(cells) == 9 and rows[1] and columns[1]
        for logits in cells.values():
            logits = torch.cat(logits)
            labels = torch.full_like(logits, label)
            total = total + F.binary_cross_entropy(logits.sigmoid(), labels)
            right.append((logits.sigmoid().round() == labels).double().mean())
    return total, sum(right) / len(right)


def test_one_backward_is_that_of_a_reversed_gradient():
    objective, backbone, images, outputs = setting(weight=0.3)
    for classifier in objective.classifiers:
        nn.init.normal_(classifier.convs[-1].weight)
    losses = objective(outputs).losses
    (losses['loss_adversarial'] + losses['loss_classifiers']).backward()
    got = [p.grad.clone() for p in (*backbone.parameters(), *objective.parameters())]
    for p in (*backbone.parameters(), *objective.parameters()):
        p.grad = None
    wanted, accuracy = by_hand(objective, backbone, images, 0.3)
    wanted.backward()
    torch.testing.assert_close(losses['accuracy'], accuracy)
    assert 0.1 < accuracy < 0.9 and abs(accuracy - 0.5) > 0.01
    torch.testing.assert_close(losses['loss_classifiers'], wanted)
    torch.testing.assert_close(losses['loss_adversarial'], -0.3 * wanted)
    expected = [p.grad for p in (*backbone.parameters(), *objective.parameters())]
    torch.testing.assert_close(got, expected)
    assert all(g.abs().max() > 1e-8 for g in expected)


def test_zero_classifiers_know_nothing():
    objective, _, _, outputs = setting()
    for parameter in objective.parameters():
        nn.init.zeros_(parameter)
    losses = objective(outputs).losses
    assert losses['loss_classifiers'].item() == pytest.approx(18 * math.log(2))
    assert losses['accuracy'].item() == 0.5


def test_the_classifiers_are_the_papers():
    with torch.device('meta'):
        objective = SpatialAdversarial(512)
    shapes = [tuple(p.shape[:2]) for p in objective.classifiers[0].parameters() if p.ndim == 4]
    assert shapes == [(512, 512), (256, 512), (128, 256), (1, 128)]
    assert len(objective.classifiers) == 9 and objective.weight == 0.01


def test_each_cell_is_shown_as_its_regions_classifier_sees_it():
    objective, _, _, outputs = setting(grid=(2, 3))
    shown = objective.visualize(outputs)
    for domain, output in outputs.items():
        maps = [net(output.features[1]).sigmoid()[:, 0] for net in objective.classifiers]
        height, width = output.features[1].shape[2:]
        for y, x in torch.cartesian_prod(torch.arange(height), torch.arange(width)).tolist():
            region = 3 * (y >= height // 2) + (x >= width // 3) + (x >= 2 * width // 3)
            got = shown[domain]['says target'][:, y, x]
            torch.testing.assert_close(got, maps[region][:, y, x])


def test_too_few_cells_are_refused():
    objective, _, _, outputs = setting()
    small = {d: o.features[0][..., :2, :9] for d, o in outputs.items()}
    broken = {
        d: DomainOutput(x, None, lambda x: x, features=(x,), logits=x) for d, x in small.items()
    }
    with pytest.raises(JointError, match=r'grid is \(3, 3\), but the features have \(2, 9\)'):
        objective(broken)
