"""Norms that normalize with their running averages from an iteration on."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import torch
from torch import nn

from mmseg_joint.engine import FreezeNormHook
from tests.models.segmentors.test_norm_statistics import DOMAINS, buffers, live, same, step

GAN = dict(gan=dict(type='OutputAdversarial', discriminator=dict(channels=(4, 4, 4, 4))))


def test_from_an_iteration_on_they_are_used_and_no_longer_change():
    model, hook = live(), FreezeNormHook(begin=2)
    seen = []
    for number in range(4):
        model.train()  # as after a validation
        hook.before_train_iter(SimpleNamespace(model=model, iter=number), number)
        before = copy.deepcopy(buffers(model))
        weight = model.backbone.bn1.weight.clone()
        images = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)).double()
        with torch.no_grad():
            ours = model.backbone(images)
            model.backbone.eval()
            expected = model.backbone(images)
            model.backbone.train()
        hook.before_train_iter(SimpleNamespace(model=model, iter=number), number)
        model.load_state_dict(before, strict=False)
        step(model, seed=number, domains=DOMAINS)
        seen.append(torch.equal(ours[-1], expected[-1]))
        assert not torch.equal(model.backbone.bn1.weight, weight)  # it keeps learning
        moved = any(not torch.equal(before[n], v) for n, v in buffers(model).items())
        assert moved == (number < 2)
    assert seen == [False, False, True, True]


def test_in_evaluation_of_the_whole_model_each_domain_is_normalized_alike():
    """Merged domains and one forward per domain are then the same without any split."""
    losses = []
    for way in ('merged', 'one forward a domain'):
        model = live(way)
        FreezeNormHook().before_train_iter(SimpleNamespace(model=model, iter=0), 0)
        start = copy.deepcopy(buffers(model))
        step(model, domains=DOMAINS)
        same(buffers(model), start)
        losses.append({n: p.detach() for n, p in model.named_parameters()})
    same(*losses)


def test_norms_of_objectives_train_on_as_they_are():
    model = live(objectives=GAN)
    model.objectives['gan'].add_module('norm', nn.BatchNorm2d(3))
    model.decode_head.add_module('bare', nn.BatchNorm2d(3, track_running_stats=False))
    FreezeNormHook().before_train_iter(SimpleNamespace(model=model, iter=0), 0)
    assert model.objectives['gan'].norm.training and model.decode_head.bare.training
    assert not model.backbone.bn1.training and not model.auxiliary_head.convs[0].bn.training
