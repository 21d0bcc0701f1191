from __future__ import annotations

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_joint.models.objectives.cycle_translation import DISCRIMINATOR
from tests.reference.plain_translation import discriminate, translate


def count(config):
    with torch.device('meta'):
        network = MODELS.build(config)
    return sum(parameter.numel() for parameter in network.parameters())


def test_as_many_parameters_as_cyclegan():
    assert count(dict(type='TranslationGenerator')) == 11_378_179
    assert count(DISCRIMINATOR) == 2_764_737


def test_both_networks_equal_the_description():
    torch.manual_seed(0)
    images = 2 * torch.rand(2, 3, 40, 56, dtype=torch.float64) - 1
    generator = MODELS.build(
        dict(type='TranslationGenerator', channels=(3, 4, 5), num_blocks=2)
    ).double()
    discriminator = MODELS.build(dict(DISCRIMINATOR, channels=(3, 4, 5, 6))).double()
    for network, reference in ((generator, translate), (discriminator, discriminate)):
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        torch.testing.assert_close(network(images), reference(network, images))
    assert discriminator(images).shape == (2, 1, 3, 5)


@pytest.mark.parametrize('size', [(33, 50), (34, 47), (31, 32)])
def test_any_size(size):
    generator = MODELS.build(dict(type='TranslationGenerator', channels=(3, 4, 5), num_blocks=1))
    images = torch.rand(1, 3, *size, dtype=torch.float64)
    whole = translate(generator.double(), images)  # up to a multiple of the strides
    torch.testing.assert_close(generator(images), whole[..., : size[0], : size[1]])


@pytest.mark.parametrize(
    'config',
    [
        dict(type='TranslationGenerator', channels=(16, 16, 16), num_blocks=1),
        dict(DISCRIMINATOR, channels=(16, 16, 16, 16)),
    ],
)
def test_first_weights(config):
    torch.manual_seed(0)
    network = MODELS.build(config)
    network.init_weights()
    for name, value in network.named_parameters():
        if name.endswith('weight'):
            assert value.std().item() == pytest.approx(0.02, rel=0.1), name
        else:
            assert not value.any(), name
