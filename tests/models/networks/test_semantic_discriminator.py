from __future__ import annotations

import pytest
import torch

from mmseg_joint.errors import JointError
from mmseg_joint.models import SemanticDiscriminator


def by_hand(network, vectors, slope=0.2):
    first, _, last = network.layers
    weights = [layer.weight.flatten(1) for layer in (first, last)]
    hidden = vectors @ weights[0].T + first.bias
    hidden = torch.where(hidden > 0, hidden, slope * hidden)
    return hidden @ weights[1].T + last.bias


def test_fc_classifies_vectors():
    network = SemanticDiscriminator(6, num_classes=4, mode='fc')
    vectors = torch.randn(3, 6)
    assert network.layers[0].out_features == 1024
    torch.testing.assert_close(network(vectors), by_hand(network, vectors))
    assert network(vectors[:0]).shape == (0, 8)


def test_conv_classifies_each_position_alone():
    network = SemanticDiscriminator(6, num_classes=4, mode='conv', negative_slope=0.3)
    features = torch.randn(2, 6, 3, 5)
    expected = by_hand(network, features.permute(0, 2, 3, 1), 0.3).permute(0, 3, 1, 2)
    torch.testing.assert_close(network(features), expected)


def test_unknown_mode():
    with pytest.raises(JointError, match=r'mode is .linear.: choose one of fc, conv'):
        SemanticDiscriminator(6, 4, mode='linear')
