from __future__ import annotations

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_joint.errors import JointError
from tests.models.objectives.supervised import run, scores
from tests.models.segmentors.test_joint_cascade_encoder_decoder import FIRST, OCR
from tests.tiny import batch, build


def objective(**values):
    return MODELS.build(dict(type='FocalWeighting', **values))


def focal_loss(logits, labels, gamma):
    """-(1 - p)^γ log p: mean over labeled pixels, pixel by pixel, nothing detached."""
    values = []
    for n, y, x in (labels != 255).nonzero().tolist():
        p = logits[n, :, y, x].exp()[labels[n, y, x]] / logits[n, :, y, x].exp().sum()
        values.append(-((1 - p) ** gamma) * p.log())
    return torch.stack(values).mean()


@pytest.mark.parametrize('domain', ['source', 'target'])
@pytest.mark.parametrize('gamma', [0.0, 0.5, 1.0, 2.0, 5.0])
def test_loss_and_gradient_are_the_focal_losss(gamma, domain):
    logits, labels = scores()
    loss, _ = run(objective(gamma=gamma, domain=domain), logits, labels, domain)
    wanted = focal_loss(logits, labels, gamma)
    # mmseg casts weights to float32 and adds 1e-7 to the count
    torch.testing.assert_close(loss, wanted, rtol=1e-6, atol=0)
    (got,) = torch.autograd.grad(loss, logits)
    (expected,) = torch.autograd.grad(wanted, logits)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-10)


def test_the_gradient_through_the_weight_matters():
    logits, labels = scores()
    _, result = run(objective(), logits, labels)
    weights = result.pixel_weights['source']
    known = labels.where(labels != 255, 0)
    entropies = -logits.log_softmax(1).gather(1, known[:, None])[:, 0] * (labels != 255)
    constant = (weights.detach() * entropies).sum() / (labels != 255).sum()
    (without,) = torch.autograd.grad(constant, logits)
    (expected,) = torch.autograd.grad(focal_loss(logits, labels, 2.0), logits)
    assert (without - expected).norm() > 0.1 * expected.norm()


def test_weights_and_their_mean():
    logits, labels = scores()
    _, result = run(objective(gamma=3.0), logits, labels)
    labeled = labels != 255
    p = logits.softmax(1).gather(1, labels.where(labeled, 0)[:, None])[:, 0]
    weights = result.pixel_weights['source']
    torch.testing.assert_close(weights[labeled], (1 - p[labeled]) ** 3, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(result.losses['mean_weight'], ((1 - p) ** 3)[labeled].mean())
    assert not result.losses['mean_weight'].requires_grad


@pytest.mark.parametrize('gamma', [0.0, 0.5, 1.0, 2.0])
def test_extreme_logits_give_finite_losses_and_gradients(gamma):
    logits, labels = scores(scale=1e4, dtype=torch.float32)  # probabilities of 0 and 1
    loss, result = run(objective(gamma=gamma), logits, labels)
    loss.backward()
    assert loss.isfinite() and logits.grad.isfinite().all()
    assert result.pixel_weights['source'].max() == 1


@pytest.mark.parametrize('gamma', [0.5, 2.0])
def test_no_labeled_pixel_is_zero_with_zero_gradient(gamma):
    logits, labels = scores()
    loss, result = run(objective(gamma=gamma), logits, labels.fill_(255))
    loss.backward()
    assert loss == 0 and result.losses['mean_weight'] == 0
    assert not logits.grad.any()


def test_half_precision_is_computed_in_single():
    logits, labels = scores(dtype=torch.float32)
    half = logits.detach().bfloat16()
    _, result = run(objective(), half, labels)
    _, wanted = run(objective(), half.float(), labels)
    assert result.pixel_weights['source'].dtype == torch.float32
    assert torch.equal(result.pixel_weights['source'], wanted.pixel_weights['source'])


def test_in_the_model_the_sources_gradient_is_the_focal_losss():
    model = build(dict(focal=dict(type='FocalWeighting'))).double()
    data = model.data_preprocessor(batch(size=(37, 50), count=2), training=True)
    losses = model.loss(**data)
    plain = build().double()
    plain.load_state_dict(model.state_dict())
    outputs = plain._forward_domains(data['inputs'], data['data_samples'])
    for domain, gamma in (('source', 2.0), ('target', 0.0)):
        wanted = focal_loss(outputs[domain].logits, outputs[domain].labels, gamma)
        loss = losses[f'{domain}.decode.loss_ce']
        torch.testing.assert_close(loss, wanted, rtol=1e-6, atol=0)
        got = torch.autograd.grad(loss, list(model.parameters()), retain_graph=True)
        expected = torch.autograd.grad(wanted, list(plain.parameters()), retain_graph=True)
        for ours, theirs in zip(got, expected):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    'heads',
    [
        dict(auxiliary_head=FIRST),
        dict(type='JointCascadeEncoderDecoder', num_stages=2, decode_head=[FIRST, OCR]),
    ],
)
def test_models_with_several_heads_are_refused(heads):
    with pytest.raises(JointError, match=r'set model\.auxiliary_head=None, and replace a cascade'):
        build(dict(focal=dict(type='FocalWeighting')), **heads)


@pytest.mark.parametrize(
    ('wrong', 'remedy'),
    [
        (dict(gamma=-1.0), 'FocalWeighting.gamma is -1.0: choose at least 0'),
        (dict(domain='unlabeled'), 'FocalWeighting.domain is "unlabeled".*name a labeled domain'),
    ],
)
def test_impossible_values(wrong, remedy):
    with pytest.raises(JointError, match=remedy):
        objective(**wrong)
