"""Eq. 2 and 3 of ASS, AdaptSegNet's and AdvEnt's variants, against plain formulas."""

from __future__ import annotations

import math

import pytest
import torch

from mmseg_joint.errors import JointError
from mmseg_joint.models import OutputAdversarial
from mmseg_joint.models.objectives import DomainOutput

CLASSES = 4


def output(seed, size=(37, 50), scale=1.0):
    torch.manual_seed(seed)
    logits = scale * torch.randn(2, CLASSES, *size, dtype=torch.float64)
    auxiliary = (scale * torch.randn(2, CLASSES, *size, dtype=torch.float64)).requires_grad_()
    return DomainOutput(
        torch.zeros(2, 3, *size),
        None,
        lambda x: x,
        features=(),
        logits=logits.requires_grad_(),
        auxiliary=lambda: auxiliary,
    )


def build(**kwargs):
    torch.manual_seed(9)
    narrow = dict(channels=(4, 4, 4, 4))
    return OutputAdversarial(num_classes=CLASSES, discriminator=narrow, **kwargs).double()


def d_logits(objective, logits, level='main'):
    p = logits.exp() / logits.exp().sum(1, keepdim=True)
    if objective.input == 'self_information':
        p = -p * torch.log2(p) / math.log2(CLASSES)
    return objective.discriminators[level](p)


def distance(gan, scores, label):
    if gan == 'ls':
        return ((scores - label) ** 2).mean()
    probability = scores.sigmoid()
    return -torch.log(probability if label else 1 - probability).mean()


@pytest.mark.parametrize('align', ['source', 'target'])
@pytest.mark.parametrize('gan', ['vanilla', 'ls'])
@pytest.mark.parametrize('input', ['softmax', 'self_information'])
def test_losses_and_gradients_equal_the_formulas(align, gan, input):
    objective = build(align=align, gan=gan, input=input, weight=0.3, discriminator_weight=0.7)
    outputs = dict(source=output(0), unlabeled=output(1, size=(64, 33)))
    losses = objective(outputs).losses
    source, target = outputs['source'].logits, outputs['unlabeled'].logits
    adv_logits, label = (source, 1) if align == 'source' else (target, 0)
    expected = {
        'loss_adversarial': 0.3 * distance(gan, d_logits(objective, adv_logits), label),
        'loss_discriminator': 0.35
        * (
            distance(gan, d_logits(objective, source.detach()), 0)
            + distance(gan, d_logits(objective, target.detach()), 1)
        ),
    }
    parameters = list(objective.parameters())
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value, rtol=1e-10, atol=1e-12)
    # the adversarial loss reaches only the aligned domain's logits, D's loss only D
    everything = [source, target, *parameters]
    got = torch.autograd.grad(
        losses['loss_adversarial'], everything, retain_graph=True, allow_unused=True
    )
    (wanted,) = torch.autograd.grad(expected['loss_adversarial'], adv_logits, retain_graph=True)
    index = 0 if align == 'source' else 1
    torch.testing.assert_close(got[index], wanted, rtol=1e-9, atol=1e-15)
    assert all(value is None for i, value in enumerate(got) if i != index)
    got = torch.autograd.grad(losses['loss_discriminator'], everything, allow_unused=True)
    wanted = torch.autograd.grad(expected['loss_discriminator'], parameters)
    assert got[0] is None and got[1] is None
    for ours, theirs in zip(got[2:], wanted):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-15)


def test_each_level_has_its_own_discriminator_and_weight():
    objective = build(align='target', levels=2, weight=0.001, auxiliary_weight=0.0002)
    outputs = dict(source=output(0), unlabeled=output(1))
    losses = objective(outputs).losses
    auxiliary = outputs['unlabeled'].auxiliary_logits
    expected = 0.0002 * distance('vanilla', d_logits(objective, auxiliary, 'auxiliary'), 0)
    torch.testing.assert_close(losses['loss_adversarial_auxiliary'], expected)
    main = 0.001 * distance('vanilla', d_logits(objective, outputs['unlabeled'].logits), 0)
    torch.testing.assert_close(losses['loss_adversarial'], main)
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    assert auxiliary.grad.any() and outputs['unlabeled'].logits.grad.any()
    assert outputs['source'].logits.grad is None
    assert all(value.grad is not None for value in objective.parameters())


def test_extreme_logits_give_finite_losses_and_gradients():
    for input in ('softmax', 'self_information'):
        objective = build(align='target', input=input)
        outputs = dict(source=output(0, scale=1e3), unlabeled=output(1, scale=1e3))
        losses = objective(outputs).losses
        sum(value for name, value in losses.items() if 'loss' in name).backward()
        assert torch.isfinite(outputs['unlabeled'].logits.grad).all()


@pytest.mark.parametrize('input', ['softmax', 'self_information'])
def test_one_class_gives_finite_values(input):
    scores = torch.randn(2, 1, 37, 50, requires_grad=True)
    outputs = {
        domain: DomainOutput(
            torch.zeros(2, 3, 37, 50), None, lambda x: x, features=(), logits=scores
        )
        for domain in ('source', 'unlabeled')
    }
    objective = OutputAdversarial(1, input=input, discriminator=dict(channels=(4, 4, 4, 4)))
    losses = objective(outputs).losses
    assert all(value.isfinite() for value in losses.values())
    (gradient,) = torch.autograd.grad(losses['loss_adversarial'], scores)
    assert gradient.abs().max() == 0  # nothing is left to learn


@pytest.mark.parametrize(('gan', 'border'), [('vanilla', 0.0), ('ls', 0.5)])
def test_accuracy_and_maps_have_the_border_between_the_labels(gan, border):
    objective = build(gan=gan)
    outputs = dict(source=output(0, size=(129, 161)), unlabeled=output(1, size=(129, 161)))
    last = objective.discriminators['main'].convs[-1]
    with torch.no_grad():
        last.weight.mul_(0.2 / d_logits(objective, outputs['source'].logits).std())
        # above it, or rounding could put the median on either side
        last.bias.add_(border + 1e-3 - d_logits(objective, outputs['source'].logits).median())
        scores = [d_logits(objective, part.logits) for part in outputs.values()]
        shown = objective.visualize(outputs)
    losses = objective(outputs).losses
    shares = [(scores[0] < border).double().mean(), (scores[1] >= border).double().mean()]
    assert all(0 < share < 1 for share in shares)
    assert [losses['accuracy_source'], losses['accuracy_target']] == shares
    for maps, score in zip(shown.values(), scores):
        wanted = score.clamp(0, 1) if gan == 'ls' else score.sigmoid()
        torch.testing.assert_close(maps['D says target'], wanted[:, 0])


def test_the_target_may_be_labeled():
    objective = build(target='target', align='target')
    assert objective.domains == ('source', 'target')
    assert objective.gradient_domains == ('target',)
    assert build(target='target').gradient_domains == ('source',)


@pytest.mark.parametrize(
    'wrong', [dict(align='both'), dict(input='logits'), dict(gan='wgan'), dict(levels=3)]
)
def test_unknown_values(wrong):
    (name,) = wrong
    with pytest.raises(JointError, match=f'OutputAdversarial.{name} is .*choose one of'):
        build(**wrong)


def test_two_levels_need_an_auxiliary_head():
    outputs = dict(source=output(0), unlabeled=output(1))
    outputs['source'].auxiliary = None
    with pytest.raises(JointError, match=r'model\.auxiliary_head'):
        build(levels=2)(outputs)
