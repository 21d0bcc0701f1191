"""Views, labels and weights of each pixel; the loss and its gradient."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mmseg_joint.errors import JointError
from mmseg_joint.models.objectives import consistency_mix
from mmseg_joint.models.photometry import ColorChange
from tests.tiny import batch, build, spread_scores

PLAIN = dict(colors=dict(jitter_probability=0.0, gray_probability=0.0, blur_probability=0.0))


def model_with(**values):
    mix = dict(type='ConsistencyMix', **values)
    return build(dict(teacher=dict(type='Teacher'), mix=mix)).double().train()


def data_of(model, count=2, **values):
    data = batch(3, ('target', 'unlabeled'), count=count, **values)
    data = model.data_preprocessor(data, training=True)
    spread_scores(model, data['inputs']['unlabeled'])
    return data


@pytest.mark.parametrize(
    ('views', 'count', 'size'), [(1, 3, (64, 96)), (2, 2, (45, 71)), (1, 1, (45, 71))]
)
def test_every_pixel(views, count, size, monkeypatch):
    torch.manual_seed(0)
    boxes = torch.rand(views * count, *size) < 0.4
    asked, place = [], dict(box_area=(0.1, 0.2), box_aspect=(0.4, 2.0), box_probability=0.3)
    monkeypatch.setattr(consistency_mix, 'random_boxes', lambda *args: asked.append(args) or boxes)
    model = model_with(views=views, threshold=0.78, weight=0.5, **place, **PLAIN)
    data = data_of(model, count, size=size)
    inputs, samples, weights, _ = model._derive_domains(data['inputs'], data['data_samples'])
    assert asked == [(len(boxes), size, *place.values(), boxes.device)]
    weak = data['inputs']['unlabeled']
    p = model.segment(weak, evaluate=True)[1].softmax(1)
    confident = p.amax(1) >= 0.78
    assert 0.05 < confident.double().mean() < 0.95
    assert len(samples['unlabeled_strong']) == views * count
    for place, sample in enumerate(samples['unlabeled_strong']):
        own, other = place % count, (place % count - 1) % count
        box = boxes[place]
        for h, w in [(0, 0), (7, 11), (size[0] - 1, size[1] - 1), *box.nonzero()[:40].tolist()]:
            n = other if box[h, w] else own
            assert sample.gt_sem_seg.data[0, h, w] == p[n, :, h, w].argmax()
            assert weights['unlabeled_strong'][place, h, w] == (0.5 if confident[n, h, w] else 0.0)
            torch.testing.assert_close(inputs['unlabeled_strong'][place, :, h, w], weak[n, :, h, w])
        labels = torch.where(box, p[other].argmax(0), p[own].argmax(0))
        assert torch.equal(sample.gt_sem_seg.data[0], labels)


def test_the_mean_over_all_pixels_of_all_views_and_its_gradient():
    model = model_with(views=2, threshold=0.78, weight=0.5)
    data = data_of(model)
    torch.manual_seed(2)
    losses = model.loss(**data)
    loss = losses['unlabeled_strong.decode.loss_ce']
    torch.manual_seed(2)
    inputs, samples, weights, _ = model._derive_domains(data['inputs'], data['data_samples'])
    views = inputs['unlabeled_strong']
    labels = torch.cat([sample.gt_sem_seg.data for sample in samples['unlabeled_strong']])
    chosen = model.segment(views)[1].log_softmax(1).gather(1, labels[:, None])[:, 0]
    parts = [-(w * c).mean() for w, c in zip(weights['unlabeled_strong'].chunk(2), chosen.chunk(2))]
    expected = sum(parts) / 2  # each view's weight is halved
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)
    own = [value for value in model.parameters() if value.requires_grad]
    for ours, theirs in zip(torch.autograd.grad(loss, own), torch.autograd.grad(expected, own)):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)
    confidence = model.segment(data['inputs']['unlabeled'], evaluate=True)[1].softmax(1).amax(1)
    torch.testing.assert_close(losses['mix.trust'], (confidence >= 0.78).double().mean())
    assert (views[:2] - views[2:]).abs().amax() > 0.1  # each view is changed at random on its own


def test_a_teacher_that_is_never_confident_trains_nothing():
    model = model_with(threshold=1.0)
    data = data_of(model)
    with torch.no_grad():
        model.decode_head.conv_seg.weight.zero_()
    loss = model.loss(**data)['unlabeled_strong.decode.loss_ce']
    own = [value for value in model.parameters() if value.requires_grad]
    assert loss == 0 and all(g.abs().max() == 0 for g in torch.autograd.grad(loss, own))


def test_burn_in_and_the_shared_forward():
    model = model_with()
    for kind in ('ConsistencyMix', 'MaskedConsistency'):
        early = build(dict(teacher=dict(type='Teacher', start=1), mix=dict(type=kind))).double()
        losses = early.loss(**data_of(model))
        assert {name.split('.')[0] for name in losses if 'loss' in name} == {'target'}
    more = build(
        dict(
            teacher=dict(type='Teacher'),
            first=dict(type='ConsistencyMix'),
            masked=dict(type='MaskedConsistency'),
            mix=dict(type='ClassMix', from_domains=('target',)),
        )
    ).double()
    calls = []
    more.objectives['teacher'].average.backbone.register_forward_hook(
        lambda net, args, result: calls.append(len(args[0]))
    )
    more.loss(**data_of(model))
    assert calls == [2]  # one forward of the teacher for all three


def test_colors_change_as_in_unimatch_but_for_what_is_given():
    changed = model_with(colors=dict(blur_probability=0.3)).objectives['mix'].colors
    strong = ColorChange((0.5, 0.5, 0.5, 0.25), 0.8, 0.2, (0.1, 2.0), 0.5)
    assert model_with().objectives['mix'].colors == strong
    assert changed == replace(strong, blur_probability=0.3)


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (dict(threshold=2), r'ConsistencyMix\.threshold is 2: choose a number from 0 to 1\.'),
        (dict(box_probability=-1), r'ConsistencyMix\.box_probability is -1'),
        (dict(views=0), r'ConsistencyMix\.views is 0: give a whole number from 1\.'),
        (dict(teacher='x'), r'ConsistencyMix\.teacher is "x", .* no Teacher of that name'),
    ],
)
def test_refusals(values, message):
    with pytest.raises(JointError, match=message):
        model = model_with(**values)
        model.loss(**data_of(model))
