from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_joint.errors import JointError
from mmseg_joint.models.networks.residual_block import ResidualBlock
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


WIDE = {
    'LSDGenerator': dict(in_channels=(16, 16, 16), channels=(16, 16, 16), kernel_size=3),
    'LSDDiscriminator': dict(channels=32),
}


@pytest.mark.parametrize('kind', WIDE)
def test_first_weights(kind):
    torch.manual_seed(0)
    parameters = dict(MODELS.build(dict(type=kind, **WIDE[kind])).named_parameters())
    for name, value in parameters.items():
        if name.endswith('weight'):
            assert value.std().item() == pytest.approx(0.02, rel=0.1), name
    biases = torch.cat([value for name, value in parameters.items() if name.endswith('bias')])
    assert 0 < biases.abs().max() <= 0.01
    assert len(biases) == 3 or biases.std().item() == pytest.approx(0.0058, rel=0.2)


@pytest.mark.parametrize('kind', WIDE)
def test_dropout_leaves_what_each_block_adds_to(kind):
    network = MODELS.build(dict(type=kind, dropout_ratio=1.0, **WIDE[kind]))
    blocks = [module for module in network.modules() if isinstance(module, ResidualBlock)]
    assert len(blocks) == (6 if kind == 'LSDGenerator' else 9)
    for block in blocks:
        x = torch.randn(1, block.conv1.conv.in_channels, 3, 4)
        assert torch.equal(block(x), x)


def test_dropout_by_default():
    network = MODELS.build(dict(type='LSDDiscriminator', channels=8))
    dropped = network.train()(torch.rand(1, 3, 32, 32))[0], network(torch.rand(1, 3, 32, 32))[0]
    assert not torch.equal(*dropped)
    assert F.cross_entropy(dropped[0], torch.zeros(1, 4, 4).long()).isfinite()
