from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_joint.errors import JointError
from tests.reference.plain_lsd import discriminate, draw


def count(kind, **values):
    with torch.device('meta'):
        network = MODELS.build(dict(type=kind, **values))
    return sum(parameter.numel() for parameter in network.parameters())


def test_as_many_parameters_as_the_public_code():
    assert count('LSDGenerator') == 64_221_187
    assert count('LSDDiscriminator') == 1_361_047


NARROW = dict(in_channels=(3, 4, 6), channels=(4, 6, 4, 3, 2), dropout_ratio=0.0)


def features(size, legacy, channels=(3, 4, 6), strides=(8, 16, 32)):
    """As VGGEncoder gives them: poolings round up; fc6 without padding in the original network."""
    torch.manual_seed(1)
    sizes = []
    for stride in strides:
        length = [n + 198 if legacy else n for n in size]
        sizes.append([-(-n // stride) for n in length])
    if legacy:
        sizes[-1] = [n - 6 for n in sizes[-1]]
    return [torch.randn(2, c, *hw, dtype=torch.float64) for c, hw in zip(channels, sizes)]


@pytest.mark.parametrize('size', [(320, 640), (512, 1024)])
def test_legacy_sizes_are_met_without_cropping(size):
    with torch.device('meta'):
        network = MODELS.build(dict(type='LSDGenerator', **NARROW, legacy_padding=True))
        inputs = [torch.empty(x.shape) for x in features(size, legacy=True)]
        uncut = [10**6, 10**6]
        assert network._missing_rows(inputs[0].shape[2:], size) == [0, 0]
        network._missing_rows = lambda *_: [0, 0]
        assert network(inputs, uncut).shape[2:] == size


@pytest.mark.parametrize('legacy', [True, False])
@pytest.mark.parametrize('size', [(64, 96), (65, 97), (71, 90), (52, 33)])
def test_any_other_size_is_met(size, legacy):
    network = MODELS.build(dict(type='LSDGenerator', **NARROW, legacy_padding=legacy)).double()
    images = network(features(size, legacy), size)
    assert images.shape == (2, 3, *size) and 0 < images.min() < images.max() < 1


def test_features_of_other_strides():
    values = dict(in_channels=(3, 4, 6), channels=(4, 6, 4, 2), kernel_size=3)
    network = MODELS.build(dict(type='LSDGenerator', **values)).double()
    assert network(features((45, 70), False, strides=(4, 8, 16)), (45, 70)).shape[2:] == (45, 70)
    with pytest.raises(JointError, match='needs three features'):
        MODELS.build(dict(type='LSDGenerator', in_channels=(3, 4)))


@pytest.mark.parametrize('size', [(64, 96), (50, 71)])
def test_generator_equals_the_description(size):
    network = MODELS.build(dict(type='LSDGenerator', **NARROW)).double()
    given = features(size, legacy=False)
    torch.testing.assert_close(network(given, size), draw(network, given, size))


def test_discriminator_equals_the_description():
    values = dict(num_classes=5, channels=6, dropout_ratio=0.0)
    network = MODELS.build(dict(type='LSDDiscriminator', **values)).double()
    images = torch.rand(2, 3, 64, 96, dtype=torch.float64)
    kinds, classes = network(images)
    assert kinds.shape == (2, 4, 8, 12) and classes.shape == (2, 5, 8, 12)
    for got, wanted in zip((kinds, classes), discriminate(network, images)):
        torch.testing.assert_close(got, wanted)


def test_first_weights():
    network = MODELS.build(dict(type='LSDDiscriminator'))
    assert network.to_class.weight.std().item() == pytest.approx(0.02, rel=0.05)
    bias = network.blocks[0][0].conv1.conv.bias
    assert bias.abs().max() <= 0.01 and bias.std().item() == pytest.approx(0.0058, rel=0.3)
    dropped = network.train()(torch.rand(1, 3, 32, 32))[0], network(torch.rand(1, 3, 32, 32))[0]
    assert not torch.equal(*dropped)
    assert F.cross_entropy(dropped[0], torch.zeros(1, 4, 4).long()).isfinite()
