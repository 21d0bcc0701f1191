"""Conservative Loss's GAN against plain torch: each network trained by its own loss alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.reference.plain_lsd import draw
from tests.tiny import batch, build

GAN = dict(
    type='CrossDomainGAN',
    generator=dict(in_channels=(6, 8, 8), channels=(4, 6, 4, 3, 2), dropout_ratio=0.0),
    discriminator=dict(channels=(4, 4)),
    encoder_weight=0.3,
    generator_weight=0.6,
    reconstruction_weight=0.8,
)


@pytest.fixture(scope='module')
def step():
    model = build({'gan': GAN}).double()
    torch.manual_seed(3)
    for parameter in model.objectives.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.3)
    data = model.data_preprocessor(batch(domains=('source', 'unlabeled')), training=True)
    return model, {name: x.double() for name, x in data['inputs'].items()}, data['data_samples']


def called(logits, label):
    p = logits.sigmoid()
    return -(p if label else 1 - p).log().mean()


def by_hand(model, inputs):
    own = model.objectives.gan
    d_s, d_t = own.discriminators['source'], own.discriminators['target']
    images = {n: model.data_preprocessor.to_unit_range(x) for n, x in inputs.items()}
    drawn = {}
    for name, x in inputs.items():
        outs = model.extract_feat(x)
        drawn[name] = 2 * draw(own.generator, [outs[i] for i in (1, 2, 4)], x.shape[2:]) - 1
    s, t = drawn['source'], drawn['unlabeled']
    right = [d(image) > 0 for d, image in ((d_s, images['source']), (d_t, images['unlabeled']))]
    right += [d(image) <= 0 for d in (d_s, d_t) for image in (s, t)]
    return {
        'accuracy': torch.stack([hits.double().mean() for hits in right]).mean(),
        'F': 0.3 * (called(d_t(s), 1) + called(d_s(t), 1)),
        'G': 0.6 * (called(d_s(s), 1) + called(d_t(t), 1))
        + 0.8 * sum((drawn[n] - images[n]).abs().mean() for n in images),
        'D': called(d_s(images['source']), 1)
        + called(d_t(images['unlabeled']), 1)
        + 0.5 * (called(d_s(s), 0) + called(d_s(t), 0) + called(d_t(s), 0) + called(d_t(t), 0)),
    }


def test_every_network_gets_its_own_gradient_and_no_other(step):
    model, inputs, samples = step
    losses, wanted = model.loss(inputs, samples), by_hand(model, inputs)
    torch.testing.assert_close(losses['gan.accuracy'], wanted['accuracy'])
    assert 0 < wanted['accuracy'] < 1
    own = model.objectives.gan
    networks = {'F': model.backbone, 'G': own.generator, 'D': own.discriminators}
    names = {
        'F': ['loss_encoder'],
        'G': ['loss_generator', 'loss_reconstruction'],
        'D': ['loss_discriminators'],
    }
    for network in networks:
        mine = sum(losses[f'gan.{name}'] for name in names[network])
        torch.testing.assert_close(mine, wanted[network], rtol=1e-10, atol=0)
        for other, module in networks.items():
            values = list(module.parameters())
            got, expected = (
                [
                    torch.zeros_like(v) if g is None else g
                    for g, v in zip(
                        torch.autograd.grad(x, values, retain_graph=True, allow_unused=True), values
                    )
                ]
                for x in (mine, wanted[network])
            )
            if other == network:
                torch.testing.assert_close(got, expected, rtol=1e-7, atol=1e-12)
                assert any(g.abs().max() > 1e-8 for g in expected)
            else:
                assert not any(g.any() for g in got), f'the loss of {network} reaches {other}'
