"""Masks, labels, weights and images of a mix, pixel by pixel."""

from __future__ import annotations

from collections import Counter
from math import ceil

import pytest
import torch

from mmseg_joint.errors import JointError
from tests.tiny import CLASSES, batch, build, spread_scores

PLAIN = dict(colors=dict(jitter_probability=0.0, blur_probability=0.0))
DOMAINS = ('source', 'target', 'unlabeled')


def model_with(start=0, **values):
    mix = dict(type='ClassMix', **values)
    return build(dict(teacher=dict(type='Teacher', start=start), mix=mix)).double().train()


def data_of(model, domains=DOMAINS, count=2, **values):
    return model.data_preprocessor(batch(3, domains, count=count, **values), training=True)


def classes_of(labels):
    return set(labels.unique().tolist()) - {255}


def test_half_of_the_classes_rounded_up_and_each_as_often():
    mix = model_with().objectives['mix']
    truth = torch.full((4, 5, 7), 255)
    truth[0, :, :3], truth[0, 0, 3], truth[0, 2:, 5] = 0, 2, 4  # three classes
    truth[1, 1:3], truth[1, 4] = 1, 3  # two
    truth[2, 0, 0] = 4  # one; the last image has none
    seen = Counter()
    for _ in range(600):
        pasted = mix.paste(truth)
        for n, labels in enumerate(truth):
            present, chosen = classes_of(labels), classes_of(labels[pasted[n]])
            assert len(chosen) == ceil(len(present) / 2)
            whole = torch.zeros_like(pasted[n])
            for k in chosen:
                whole |= labels == k
                seen[n, k] += 1
            assert torch.equal(pasted[n], whole)  # all of a class, and nothing ignored
    shares = {key: count / 600 for key, count in seen.items()}
    for k in (0, 2, 4):
        assert abs(shares[0, k] - 2 / 3) < 0.08
    for k in (1, 3):
        assert abs(shares[1, k] - 1 / 2) < 0.08
    assert shares[2, 4] == 1.0 and {n for n, _ in seen} == {0, 1, 2}


@pytest.mark.parametrize('q_over', ['pixel', 'image', 'batch'])
@pytest.mark.parametrize('counts', [(2, 2), (1, 3), (3, 1)])
def test_pixels_labels_and_weights(q_over, counts):
    model = model_with(q_over=q_over, threshold=0.78, weight=0.5, **PLAIN)
    data = batch(3, ('source',), count=counts[0])
    for key, values in batch(4, ('unlabeled',), count=counts[1]).items():
        data[key] += values
    data = model.data_preprocessor(data, training=True)
    spread_scores(model, data['inputs']['unlabeled'])
    inputs, samples, weights, _ = model._derive_domains(data['inputs'], data['data_samples'])
    p = model.segment(data['inputs']['unlabeled'], evaluate=True)[1].softmax(1)
    shares = [(p[n].amax(0) >= 0.78).double().mean().item() for n in range(len(p))]
    assert any(0.05 < share < 0.95 for share in shares)
    for n, sample in enumerate(samples['source_mix']):
        source = n % counts[0]
        truth = data['data_samples']['source'][source].gt_sem_seg.data[0]
        labels = sample.gt_sem_seg.data[0]
        quality = {
            'pixel': (p[n].amax(0) >= 0.78).double(),
            'image': torch.tensor(shares[n]),
            'batch': torch.tensor(sum(shares) / len(shares)),
        }[q_over]
        of_source = inputs['source_mix'][n] - data['inputs']['source'][source]
        pasted = (of_source.abs() < 1e-9).all(0)
        assert len(classes_of(truth[pasted])) == ceil(CLASSES / 2)
        assert torch.equal(labels, torch.where(pasted, truth, p[n].argmax(0)))
        torch.testing.assert_close(
            weights['source_mix'][n], 0.5 * torch.where(pasted, 1.0, quality).double()
        )
        torch.testing.assert_close(
            inputs['source_mix'][n],
            torch.where(pasted, data['inputs']['source'][source], data['inputs']['unlabeled'][n]),
        )
    assert len(inputs['source_mix']) == counts[1]


def test_several_mixes_share_the_teachers_forward_and_one_forward_trains():
    model = model_with(from_domains=('source', 'target'), **PLAIN)
    forwards = []
    for name, net in (('student', model), ('teacher', model.objectives['teacher'].average)):
        net.backbone.register_forward_hook(
            lambda net, args, result, name=name: forwards.append((name, len(args[0])))
        )
    losses = model.loss(**data_of(model))
    # labeled images, and two mixes; unlabeled images as such train nothing
    assert forwards == [('teacher', 2), ('student', 8)]
    assert {n.split('.')[0] for n in losses if 'loss' in n} == {
        'source',
        'target',
        'source_mix',
        'target_mix',
    }


def test_the_loss_and_its_gradient():
    model = model_with(threshold=0.78, **PLAIN)
    data = data_of(model)
    spread_scores(model, data['inputs']['unlabeled'])
    torch.manual_seed(2)
    loss = model.loss(**data)['source_mix.decode.loss_ce']
    torch.manual_seed(2)
    inputs, samples, weights, _ = model._derive_domains(data['inputs'], data['data_samples'])
    labels = torch.cat([sample.gt_sem_seg.data for sample in samples['source_mix']])
    chosen = model.segment(inputs['source_mix'])[1].log_softmax(1).gather(1, labels[:, None])[:, 0]
    expected = -(weights['source_mix'] * chosen).mean()
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)  # mmseg casts weights to float32
    own = [value for value in model.parameters() if value.requires_grad]
    for ours, theirs in zip(torch.autograd.grad(loss, own), torch.autograd.grad(expected, own)):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


def test_without_labels_in_the_source_nothing_is_pasted():
    model = model_with(**PLAIN)
    data = data_of(model, ('source', 'unlabeled'), count=1, size=(45, 71))
    for sample in data['data_samples']['source']:
        sample.gt_sem_seg.data.fill_(255)
    inputs, *_ = model._derive_domains(data['inputs'], data['data_samples'])
    torch.testing.assert_close(inputs['source_mix'], data['inputs']['unlabeled'])


def test_nothing_is_mixed_in_the_burn_in():
    model = model_with(start=3)
    losses = model.loss(**data_of(model))
    assert {name.split('.')[0] for name in losses if 'loss' in name} == {'source', 'target'}


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (dict(q_over='row'), r'ClassMix\.q_over is .row.: choose one of pixel, image, batch\.'),
        (dict(from_domains=()), r'ClassMix\.from_domains is \(\)'),
        (dict(from_domains=('unlabeled',)), r'other than ClassMix\.onto="unlabeled"'),
        (dict(threshold=1.5), r'ClassMix\.threshold is 1\.5: choose a number from 0 to 1\.'),
        (dict(colors=dict(blur_probability=-1)), r'colors\.blur_probability is -1'),
        (dict(colors=dict(jitter=(1, 2))), r'colors\.jitter is \(1, 2\): give four numbers'),
        (dict(colors=dict(sigma=(2, 1))), r'colors\.sigma is \(2, 1\): give two rising'),
    ],
)
def test_refused_values(values, message):
    with pytest.raises(JointError, match=message):
        model_with(**values)


def test_refused_batches():
    model = model_with()
    data = data_of(model)
    with pytest.raises(JointError, match=r'objectives\.mix needs the domain "unlabeled"'):
        model.loss(**data_of(model, ('source', 'target')))
    data['inputs']['source'] = data['inputs']['source'][..., :50]
    with pytest.raises(JointError, match=r'pastes "source" with images of \(64, 50\) onto .* crop'):
        model.loss(**data)
