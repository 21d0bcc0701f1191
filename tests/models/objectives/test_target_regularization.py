from __future__ import annotations

import math

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from mmseg_joint.errors import JointError
from mmseg_joint.models.objectives import DomainOutput
from tests.tiny import reached

N, C, H, W = 2, 4, 6, 7
LOSSES = {
    'MaxSquareLoss': lambda p: -p.square().mean() / 2,
    'EntropyLoss': lambda p: -(p * p.log()).sum(dim=1).mean() / math.log(C),
}


def segmentor(scale=4.0):
    torch.manual_seed(0)
    model = nn.ModuleDict({name: nn.Conv2d(3, 3, 1) for name in ('backbone', 'main', 'auxiliary')})
    for name in ('main', 'auxiliary'):
        model[name] = nn.Conv2d(3, C, 1)
        nn.init.normal_(model[name].weight, std=scale)
    return model.double()


def run(model, domain='unlabeled', with_auxiliary=True, padding=None, **values):
    """The objective's result on one domain, and the two heads' scores."""
    torch.manual_seed(1)
    images = torch.randn(N, 3, H, W, dtype=torch.float64)
    features = model['backbone'](images)
    main, auxiliary = model['main'](features), model['auxiliary'](features)
    output = DomainOutput(
        inputs=images,
        features=(features,),
        logits=main,
        labels=None,
        to_unit_range=lambda x: x,
        auxiliary=(lambda: auxiliary) if with_auxiliary else None,
        padding=padding,
    )
    objective = MODELS.build(dict(type='TargetRegularization', domain=domain, **values))
    return objective({domain: output}), main, auxiliary


def guidance_by_hand(main, auxiliary, threshold):
    """Pixel by pixel: mean cross-entropy of the auxiliary head, and the share of pixels."""
    losses = []
    for n, y, x in torch.cartesian_prod(*map(torch.arange, (N, H, W))).tolist():
        p, q = main[n, :, y, x].softmax(0), auxiliary[n, :, y, x].softmax(0)
        if p.max() > threshold or q.max() > threshold:
            losses.append(-q.log()[((p + q) / 2).argmax()])
    mean = torch.stack(losses).mean() if losses else torch.zeros(()).double()
    return mean, len(losses) / (N * H * W)


def trained(loss, model):
    """Names of the parts that a loss trains."""
    return {name.split('.')[0] for name in reached(loss, model)}


@pytest.mark.parametrize('domain', ['unlabeled', 'target'])
@pytest.mark.parametrize('kind', LOSSES)
def test_loss_of_the_main_head(kind, domain):
    model = segmentor()
    result, main, _ = run(model, domain, loss=dict(type=kind), weight=0.3, with_auxiliary=False)
    assert set(result.losses) == {'loss_main'}
    wanted = 0.3 * LOSSES[kind](main.softmax(dim=1))
    torch.testing.assert_close(result.losses['loss_main'], wanted, rtol=1e-12, atol=0)
    got = torch.autograd.grad(result.losses['loss_main'], main, retain_graph=True)
    torch.testing.assert_close(got, torch.autograd.grad(wanted, main), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize('kind', LOSSES)
def test_padding_is_no_part_of_the_image(kind):
    model, padding = segmentor(), torch.zeros(N, H, W, dtype=torch.bool)
    padding[:, 4:] = padding[:, :, 5:] = True
    values = dict(loss=dict(type=kind), guidance=True, threshold=0.99, auxiliary_loss_weight=1)
    result, *heads = run(model, padding=padding, weight=1, auxiliary_weight=1, **values)
    main, auxiliary = (scores[..., :4, :5] for scores in heads)
    p, q = main.softmax(dim=1), auxiliary.softmax(dim=1)
    confident = torch.maximum(p.amax(dim=1), q.amax(dim=1)) > 0.99
    own = -q.log().gather(1, (p + q).argmax(dim=1, keepdim=True))[:, 0]
    assert 0 < confident.sum() < confident.numel()
    wanted = {
        'loss_main': LOSSES[kind](p),
        'loss_second_level': LOSSES[kind](q),
        'loss_auxiliary': own[confident].mean(),
    }
    share = confident.double().mean()
    torch.testing.assert_close(result.losses['confident_share'], share)
    for name, loss in wanted.items():
        torch.testing.assert_close(result.losses[name], loss, rtol=1e-12, atol=0)
        scores = heads[name != 'loss_main']
        gradients = [
            torch.autograd.grad(v, scores, retain_graph=True)[0]
            for v in (result.losses[name], loss)
        ]
        torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-15)


def test_the_papers_weights_are_the_defaults():
    model = segmentor()
    result, main, auxiliary = run(model, guidance=True)
    mean, _ = guidance_by_hand(main, auxiliary, 0.95)
    torch.testing.assert_close(result.losses['loss_auxiliary'], 0.1 * 0.1 * mean)
    square = LOSSES['MaxSquareLoss'](main.softmax(dim=1))
    torch.testing.assert_close(result.losses['loss_main'], 0.1 * square)


@pytest.mark.parametrize('threshold', [0.0, 0.6, 0.95])
def test_guidance_by_value_and_gradient(threshold):
    model = segmentor()
    values = dict(guidance=True, threshold=threshold, weight=0.5, auxiliary_weight=0.2)
    result, main, auxiliary = run(model, **values)
    mean, share = guidance_by_hand(main, auxiliary, threshold)
    assert 0 < share <= 1 and (share == 1) is (threshold == 0)
    losses = result.losses
    torch.testing.assert_close(losses['loss_auxiliary'], 0.1 * mean, rtol=1e-12, atol=0)
    assert losses['confident_share'].item() == pytest.approx(share)
    got = torch.autograd.grad(losses['loss_auxiliary'], auxiliary, retain_graph=True)
    wanted = torch.autograd.grad(0.1 * mean, auxiliary, retain_graph=True)
    torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize('kind', LOSSES)
def test_the_second_level_has_a_weight_of_its_own(kind):
    model = segmentor()
    values = dict(loss=dict(type=kind), weight=0.001, auxiliary_loss_weight=0.0002)
    result, main, auxiliary = run(model, **values)
    assert set(result.losses) == {'loss_main', 'loss_second_level'}
    for name, weight, scores in (
        ('loss_main', 0.001, main),
        ('loss_second_level', 0.0002, auxiliary),
    ):
        wanted = weight * LOSSES[kind](scores.softmax(dim=1))
        got = result.losses[name]
        torch.testing.assert_close(got, wanted, rtol=1e-12, atol=0)
        gradients = [torch.autograd.grad(v, scores, retain_graph=True) for v in (got, wanted)]
        torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-15)
    assert trained(result.losses['loss_second_level'], model) == {'backbone', 'auxiliary'}


def test_either_head_may_be_the_confident_one():
    heads = torch.zeros(2, 1, 3, 1, 3, dtype=torch.float64)
    heads[0, 0, 1, 0, 0] = 9.0  # main is confident
    heads[1, 0, 2, 0, 1] = 9.0  # auxiliary is confident; at the third pixel neither
    output = DomainOutput(
        None, None, lambda x: x, features=(), logits=heads[0], auxiliary=lambda: heads[1]
    )
    objective = MODELS.build(dict(type='TargetRegularization', guidance=True))
    losses = objective({'unlabeled': output}).losses
    assert losses['confident_share'].item() == pytest.approx(2 / 3)
    wanted = -torch.stack([heads[1, 0, :, 0, x].log_softmax(0)[x + 1] for x in (0, 1)]).mean()
    torch.testing.assert_close(losses['loss_auxiliary'], 0.01 * wanted)


def test_which_networks_learn():
    model = segmentor()
    losses = run(model, guidance=True, threshold=0.6)[0].losses
    assert trained(losses['loss_main'], model) == {'backbone', 'main'}
    assert trained(losses['loss_auxiliary'], model) == {'backbone', 'auxiliary'}
    assert not losses['confident_share'].requires_grad


def test_no_confident_pixel():
    model = segmentor(scale=0.01)
    losses = run(model, guidance=True)[0].losses
    assert losses['loss_auxiliary'] == 0 and losses['confident_share'] == 0
    assert trained(losses['loss_auxiliary'], model) == set()
    assert trained(losses['loss_main'], model) == {'backbone', 'main'}


def test_extreme_and_half_precision_scores():
    torch.manual_seed(0)
    signs = torch.randn(2, N, C, H, W).sign()
    for dtype in (torch.float32, torch.bfloat16):
        main, auxiliary = (50 * signs).to(dtype).requires_grad_().unbind()
        output = DomainOutput(
            main,
            None,
            lambda x: x,
            features=(),
            logits=main,
            auxiliary=lambda aux=auxiliary: aux,
        )
        objective = MODELS.build(dict(type='TargetRegularization', guidance=True))
        losses = objective({'unlabeled': output}).losses
        for name in ('loss_main', 'loss_auxiliary'):
            assert losses[name].dtype == torch.float32 and losses[name].isfinite()
            head = main if name == 'loss_main' else auxiliary
            (gradient,) = torch.autograd.grad(losses[name], head, retain_graph=True)
            assert gradient.isfinite().all()


def test_domains():
    objective = MODELS.build(dict(type='TargetRegularization', domain='target'))
    assert objective.domains == objective.gradient_domains == ('target',)
    assert MODELS.build(dict(type='TargetRegularization')).domains == ('unlabeled',)
    assert not list(objective.parameters())


def test_wrong_configs_are_refused():
    with pytest.raises(JointError, match=r'threshold is 1\.0'):
        MODELS.build(dict(type='TargetRegularization', threshold=1.0))
    message = r'model\.auxiliary_head, or set levels=1, guidance=False or auxiliary_loss_weight=0'
    for asked in (dict(guidance=True), dict(auxiliary_loss_weight=1.0)):
        with pytest.raises(JointError, match=message):
            run(segmentor(), **asked, with_auxiliary=False)
