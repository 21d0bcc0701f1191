"""Mixes with true labels, pixel by pixel."""

from __future__ import annotations

import pytest
import torch

from mmseg_joint.errors import JointError
from tests.tiny import MODEL, batch, build


def model_with(**values):
    return build(dict(mix=dict(type='RectangleMix', **values))).double().train()


@pytest.mark.parametrize(('sources', 'targets'), [(2, 2), (1, 3), (3, 1)])
def test_every_pixel_the_loss_and_its_gradient(sources, targets):
    model = model_with(weight=0.5)
    data = batch(3, ('source',), count=sources, size=(45, 71))
    for key, values in batch(4, ('target',), count=targets, size=(45, 71)).items():
        data[key] += values
    data = model.data_preprocessor(data, training=True)
    torch.manual_seed(1)
    inputs, samples, weights, _ = model._derive_domains(data['inputs'], data['data_samples'])
    assert len(samples['rectangle_mix']) == targets and (weights['rectangle_mix'] == 0.5).all()
    mixed = inputs['rectangle_mix']
    labels = torch.cat([sample.gt_sem_seg.data for sample in samples['rectangle_mix']])
    truths = {
        domain: torch.cat([sample.gt_sem_seg.data for sample in data['data_samples'][domain]])
        for domain in ('source', 'target')
    }
    for n in range(targets):
        source, target = data['inputs']['source'][n % sources], data['inputs']['target'][n]
        pasted = (mixed[n] - target).abs().amax(0) > 1e-6
        rows, columns = pasted.any(1).nonzero()[:, 0], pasted.any(0).nonzero()[:, 0]
        top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        assert 0.2 < (bottom - top) * (right - left) / (45 * 71) < 0.55
        assert pasted[top:bottom, left:right].double().mean() > 0.99  # equal colors by chance
        wanted, truth = target.clone(), truths['target'][n].clone()
        wanted[:, top:bottom, left:right] = source[:, top:bottom, left:right]
        truth[top:bottom, left:right] = truths['source'][n % sources][top:bottom, left:right]
        torch.testing.assert_close(mixed[n], wanted, rtol=1e-9, atol=1e-9)
        assert torch.equal(labels[n], truth)
    torch.manual_seed(1)
    loss = model.loss(**data)['rectangle_mix.decode.loss_ce']
    known = labels != 255
    chosen = model.segment(mixed)[1].log_softmax(1).gather(1, labels.where(known, 0)[:, None])[:, 0]
    expected = -0.5 * chosen[known].mean()
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)
    own = [value for value in model.parameters() if value.requires_grad]
    for ours, theirs in zip(torch.autograd.grad(loss, own), torch.autograd.grad(expected, own)):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


def test_heads_without_pixel_weights_train_on_mixes_of_weight_1():
    """Dice takes no weights: its loss on the mixes is the one on the same images and labels."""
    head = dict(MODEL.decode_head, loss_decode=dict(type='DiceLoss'))
    mix = dict(type='RectangleMix')
    model = build(dict(mix=mix), decode_head=head).train()
    data = model.data_preprocessor(batch(0, count=2), training=True)
    torch.manual_seed(1)
    inputs, samples, weights, _ = model._derive_domains(data['inputs'], data['data_samples'])
    assert weights == {}
    torch.manual_seed(1)
    loss = model.loss(**data)['rectangle_mix.decode.loss_dice']
    scores = model.segment(inputs['rectangle_mix'])[1]
    expected = model.decode_head.loss_by_feat(scores, samples['rectangle_mix'])['loss_dice']
    torch.testing.assert_close(loss, expected)
    with pytest.raises(JointError, match='DiceLoss takes no pixel weights'):
        build(dict(mix=dict(mix, weight=0.5)), decode_head=head)


def test_refusals():
    with pytest.raises(JointError, match='pastes "target" onto itself: name two domains'):
        model_with(from_domain='target')
    model = model_with()
    data = model.data_preprocessor(batch(0), training=True)
    data['inputs']['source'] = data['inputs']['source'][..., :50]
    with pytest.raises(JointError, match=r'pastes "source" with images of \(64, 50\) onto .* crop'):
        model.loss(**data)
