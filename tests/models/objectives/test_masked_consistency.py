"""Which blocks are hidden, what replaces them, and the weights of the rest."""

from __future__ import annotations

import pytest
import torch

from mmseg_joint.errors import JointError
from tests.tiny import batch, build, spread_scores

PLAIN = dict(colors=dict(jitter_probability=0.0, blur_probability=0.0))


def model_with(**values):
    masked = dict(type='MaskedConsistency', **values)
    return build(dict(teacher=dict(type='Teacher'), masked=masked)).double().train()


def data_of(model, count=2, **values):
    data = batch(3, ('target', 'unlabeled'), count=count, **values)
    data = model.data_preprocessor(data, training=True)
    spread_scores(model, data['inputs']['unlabeled'])
    return data


@pytest.mark.parametrize(('block', 'side'), [(None, 6), (7, 7), (500, 500)])
def test_whole_blocks_are_hidden(block, side):
    mask = model_with(block=block, ratio=0.7).objectives['masked'].mask
    torch.manual_seed(0)
    hidden = torch.stack([mask(torch.zeros(2, 61, 100)) for _ in range(60)]).flatten(0, 1)
    shares = []
    for top in range(0, 61, side):
        for left in range(0, 100, side):
            part = hidden[:, top : top + side, left : left + side].flatten(1)
            assert (part.all(1) | ~part.any(1)).all()  # also where the edge cuts a block
            shares.append(part[:, 0].double().mean())
    assert abs(sum(shares) / len(shares) - 0.7) < (0.02 if len(shares) > 1 else 0.15)


@pytest.mark.parametrize('q_over', ['pixel', 'image', 'batch'])
def test_images_labels_and_weights(q_over):
    model = model_with(threshold=0.78, weight=2.0, q_over=q_over, **PLAIN)
    data = data_of(model, size=(45, 71))
    inputs, samples, weights, _ = model._derive_domains(data['inputs'], data['data_samples'])
    whole = data['inputs']['unlabeled']
    p = model.segment(whole, evaluate=True)[1].softmax(1)
    shares = (p.amax(1) >= 0.78).double().mean((1, 2))
    assert (shares - shares.mean()).abs().max() > 0.001  # the images differ
    for n, sample in enumerate(samples['unlabeled_masked']):
        assert torch.equal(sample.gt_sem_seg.data[0], p[n].argmax(0))  # of the whole image
        confident = (p[n].amax(0) >= 0.78).double()
        q = {'pixel': confident, 'image': shares[n], 'batch': shares.mean()}[q_over]
        torch.testing.assert_close(weights['unlabeled_masked'][n], (2 * q).expand(45, 71))
        hidden = inputs['unlabeled_masked'][n].abs().amax(0) < 1e-9  # the mean color
        assert 0.3 < hidden.double().mean() < 0.95
        torch.testing.assert_close(
            inputs['unlabeled_masked'][n], whole[n].masked_fill(hidden, 0), rtol=1e-9, atol=1e-9
        )


def test_the_loss_and_its_gradient():
    model = model_with(threshold=0.78)
    data = data_of(model)
    torch.manual_seed(2)
    loss = model.loss(**data)['unlabeled_masked.decode.loss_ce']
    torch.manual_seed(2)
    inputs, samples, weights, _ = model._derive_domains(data['inputs'], data['data_samples'])
    labels = torch.cat([sample.gt_sem_seg.data for sample in samples['unlabeled_masked']])
    chosen = model.segment(inputs['unlabeled_masked'])[1].log_softmax(1)
    expected = -(weights['unlabeled_masked'] * chosen.gather(1, labels[:, None])[:, 0]).mean()
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)
    own = [value for value in model.parameters() if value.requires_grad]
    for ours, theirs in zip(torch.autograd.grad(loss, own), torch.autograd.grad(expected, own)):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (dict(ratio=1.2), r'MaskedConsistency\.ratio is 1\.2: choose a number from 0 to 1\.'),
        (dict(threshold=-1), r'MaskedConsistency\.threshold is -1'),
        (dict(block=0), r'MaskedConsistency\.block is 0: give a whole number from 1'),
        (
            dict(q_over='x'),
            r'MaskedConsistency\.q_over is .x.: choose one of pixel, image, batch\.',
        ),
    ],
)
def test_refusals(values, message):
    with pytest.raises(JointError, match=message):
        model_with(**values)
