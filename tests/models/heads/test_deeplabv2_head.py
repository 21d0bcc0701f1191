from __future__ import annotations

import re

import pytest
import torch
from torch.nn.functional import conv2d

from mmseg_joint.errors import JointError
from mmseg_joint.models import DeepLabV2Head


def build(**kwargs):
    return DeepLabV2Head(in_channels=6, num_classes=3, in_index=1, **kwargs)


@pytest.mark.parametrize('dilations', [(6, 12, 18, 24), (6, 12), (1,)])
def test_scores_are_the_sum_of_dilated_convolutions(dilations):
    head = build(dilations=dilations).double()
    feature = torch.randn(2, 6, 9, 13, dtype=torch.float64, requires_grad=True)
    expected = 0
    for dilation, conv in zip(dilations, head.convs):
        expected = expected + conv2d(
            feature, conv.weight, conv.bias, padding=dilation, dilation=dilation
        )
    scores = head([None, feature])
    assert scores.shape == (2, 3, 9, 13)
    torch.testing.assert_close(scores, expected)
    inputs = [feature, *head.parameters()]
    direction = torch.randn_like(scores)
    got = torch.autograd.grad(scores, inputs, direction)
    for ours, theirs in zip(got, torch.autograd.grad(expected, inputs, direction)):
        torch.testing.assert_close(ours, theirs)


def test_weights_start_at_a_hundredth_and_biases_at_zero():
    torch.manual_seed(0)
    head = DeepLabV2Head(in_channels=512, num_classes=19)
    head.init_weights()
    for conv in head.convs:
        assert conv.weight.std().item() == pytest.approx(0.01, rel=0.02)
        assert abs(conv.weight.mean().item()) < 1e-4
        assert not conv.bias.any()


def test_every_parameter_is_used():
    head = build()
    head([None, torch.randn(1, 6, 60, 60)]).sum().backward()
    assert all(value.grad is not None for value in head.parameters())
    assert not hasattr(head, 'conv_seg')


def test_dropout_acts_on_the_feature():
    head = build(dropout_ratio=1.0).train()
    bias = sum(conv.bias for conv in head.convs)
    scores = head([None, torch.randn(1, 6, 4, 4)])
    torch.testing.assert_close(scores, bias[None, :, None, None].expand_as(scores))


def test_sums_are_exact_in_mixed_precision():
    head = build(dilations=(1,))
    feature = torch.zeros(1, 6, 3, 3)
    feature[:, 0] = 1
    with torch.no_grad():
        head.convs[0].weight.fill_(1)
        head.convs[0].weight[..., 1, 1] = 256
        head.convs[0].bias.zero_()
    with torch.autocast('cpu', torch.bfloat16):
        scores = head([None, feature])
    assert (scores[..., 1, 1] == 256 + 8).all()  # bfloat16 has no number between 256 and 258


@pytest.mark.parametrize('dilations', [(), (0, 6)])
def test_impossible_dilations_are_refused(dilations):
    with pytest.raises(JointError, match=rf'dilations is {re.escape(str(list(dilations)))}'):
        build(dilations=dilations)
