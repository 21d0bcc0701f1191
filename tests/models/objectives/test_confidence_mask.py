from __future__ import annotations

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_joint.errors import JointError
from tests.models.objectives.supervised import run, scores
from tests.tiny import batch, build


def objective(**values):
    return MODELS.build(dict(type='ConfidenceMask', **values))


def by_hand(logits, labels, threshold):
    """Pixel by pixel: the masked cross-entropy over all labeled pixels, and the share kept."""
    total, kept, labeled = logits.sum() * 0, 0, 0
    for n, y, x in (labels != 255).nonzero().tolist():
        p = logits[n, :, y, x].softmax(0)
        labeled += 1
        if p.max() > threshold:
            kept += 1
            total = total - p[labels[n, y, x]].log()
    return total / max(labeled, 1), kept / max(labeled, 1)


@pytest.mark.parametrize('domain', ['source', 'target'])
@pytest.mark.parametrize('threshold', [0.0, 0.5, 0.9])
def test_loss_and_gradient(threshold, domain):
    logits, labels = scores()
    loss, result = run(objective(threshold=threshold, domain=domain), logits, labels, domain)
    wanted, kept = by_hand(logits, labels, threshold)
    torch.testing.assert_close(loss, wanted, rtol=1e-6, atol=0)  # mmseg adds 1e-7 to the count
    got = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(got, torch.autograd.grad(wanted, logits), rtol=1e-6, atol=1e-12)
    assert result.losses['kept_share'] == pytest.approx(kept)
    assert not result.pixel_weights[domain].requires_grad
    assert 0 < kept < 1 or threshold == 0


def test_a_probability_equal_to_the_threshold_is_not_over_it():
    logits = torch.zeros(2, 2, 1, 1, dtype=torch.float64)
    logits[1, 0] = 1e-9
    labels = torch.zeros(2, 1, 1, dtype=torch.long)
    _, result = run(objective(threshold=0.5), logits, labels)
    assert result.pixel_weights['source'].flatten().tolist() == [0, 1]


@pytest.mark.parametrize('case', ['nothing is confident', 'all ignored'])
def test_nothing_left_is_zero_with_zero_gradient(case):
    logits, labels = scores(scale=0.01 if case == 'nothing is confident' else 3.0)
    if case == 'all ignored':
        labels.fill_(255)
    loss, result = run(objective(), logits, labels)
    loss.backward()
    assert loss == 0 and result.losses['kept_share'] == 0
    assert not logits.grad.any()


def test_extreme_logits_give_finite_losses_and_gradients():
    logits, labels = scores(scale=1e4, dtype=torch.float32)
    loss, result = run(objective(), logits, labels)
    loss.backward()
    assert loss.isfinite() and logits.grad.isfinite().all()
    assert result.losses['kept_share'] == 1


def test_in_the_model_it_masks_the_source_only():
    plain, masked = build(seed=1), build(dict(mask=dict(type='ConfidenceMask')), seed=1)
    masked.load_state_dict(plain.state_dict())
    losses, ours = (
        model.loss(**model.data_preprocessor(batch(count=2), training=True))
        for model in (plain, masked)
    )
    # untrained, the network is not confident anywhere
    assert ours['mask.kept_share'] == 0 and ours['source.decode.loss_ce'] == 0
    assert torch.equal(ours['target.decode.loss_ce'], losses['target.decode.loss_ce'])


@pytest.mark.parametrize(
    ('wrong', 'remedy'),
    [
        (dict(threshold=1.0), 'ConfidenceMask.threshold is 1.0: choose'),
        (dict(threshold=-0.1), 'ConfidenceMask.threshold is -0.1: choose'),
        (dict(domain='unlabeled'), 'ConfidenceMask.domain is "unlabeled".*name a labeled domain'),
    ],
)
def test_impossible_values(wrong, remedy):
    with pytest.raises(JointError, match=remedy):
        objective(**wrong)
