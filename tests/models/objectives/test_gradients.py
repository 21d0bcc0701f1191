"""Which network each loss of HRS reaches (Algorithm 1)."""

from __future__ import annotations

import pytest
import torch

from tests.tiny import HRS, batch, build, reached

NETWORKS = {
    'segmentor': lambda name: not name.startswith('objectives.'),
    'weighting': lambda name: name.startswith('objectives.weighting.'),
    'generator': lambda name: name.startswith('objectives.gan.generator.'),
    'discriminator': lambda name: name.startswith('objectives.gan.discriminator.'),
}
REACHES = {
    'source.decode.loss_ce': {'segmentor'},
    'target.decode.loss_ce': {'segmentor'},
    'weighting.loss_source': {'weighting'},
    'weighting.loss_target': {'weighting'},
    'gan.loss_reconstruction': {'generator'},
    'gan.loss_generator': {'generator'},
    'gan.loss_encoder': {'segmentor'},
    'gan.loss_discriminator': {'discriminator'},
}


@pytest.fixture(scope='module')
def losses_and_model():
    model = build(HRS)
    data = model.data_preprocessor(batch(), training=True)
    return model.loss(**data), model


def test_every_loss_is_accounted_for(losses_and_model):
    losses, _ = losses_and_model
    assert {name for name in losses if 'loss' in name} == set(REACHES)


@pytest.mark.parametrize('name', REACHES)
def test_loss_reaches_only_its_networks(losses_and_model, name):
    losses, model = losses_and_model
    names = reached(losses[name], model)
    networks = {network for network, belongs in NETWORKS.items() if any(map(belongs, names))}
    assert networks == REACHES[name]


def test_encoder_gets_its_adversarial_gradient_at_its_own_weight():
    model = build(HRS)
    data = model.data_preprocessor(batch(), training=True)
    losses = model.loss(**data)
    ratio = losses['gan.loss_encoder'] / losses['gan.loss_generator']
    assert torch.isclose(ratio, torch.tensor(0.001))


def test_score_convolutions_belong_to_the_encoder_and_upsampling_learns_nothing():
    names = [name for name, _ in build().named_parameters()]
    assert {name.split('.')[1] for name in names if name.startswith('decode_head')} == {
        'conv_seg',
        'score_pool3',
        'score_pool4',
    }
