"""Domains whose images an objective makes: PixelDA's translated source."""

from __future__ import annotations

import pytest
import torch

from mmseg_joint.engine.joint_optim_wrapper_constructor import JointOptimWrapperConstructor
from tests.host_waits import host_waits
from tests.tiny import ADAM, batch, build, padded_batch, padding_of_batch, reached

NETWORKS = {
    'segmentor': lambda name: not name.startswith('objectives.'),
    'generator': lambda name: name.startswith('objectives.pixelda.generator.'),
    'discriminator': lambda name: name.startswith('objectives.pixelda.discriminator.'),
}
REACHES = {
    'source.decode.loss_ce': {'segmentor'},
    'target.decode.loss_ce': {'segmentor'},
    'translated.decode.loss_ce': {'segmentor', 'generator'},
    'pixelda.loss_generator': {'generator'},
    'pixelda.loss_discriminator': {'discriminator'},
}
PIXELDA = dict(
    type='PixelDA',
    generator=dict(channels=4, num_blocks=1, noise_size=(2, 3)),
    discriminator=dict(channels=(4, 5)),
)


@pytest.fixture(scope='module')
def model():
    return build(dict(pixelda=PIXELDA))


def data_of(model, **kwargs):
    return model.data_preprocessor(batch(**kwargs), training=True)


def test_every_loss_reaches_its_networks(model):
    losses = model.loss(**data_of(model))
    assert {name for name in losses if 'loss' in name} == set(REACHES)
    for name, networks in REACHES.items():
        names = reached(losses[name], model)
        assert {n for n, belongs in NETWORKS.items() if any(map(belongs, names))} == networks, name


def test_the_new_domain_has_the_generators_images_and_the_sources_labels(model):
    data = data_of(model, size=(45, 70), count=2)
    before = {domain: value.clone() for domain, value in data['inputs'].items()}
    torch.manual_seed(4)
    inputs, samples, weights, _ = model._derive_domains(data['inputs'], data['data_samples'])
    torch.manual_seed(4)
    mean = torch.tensor([120.0, 110.0, 100.0]).view(3, 1, 1)
    std = torch.tensor([58.0, 57.0, 56.0]).view(3, 1, 1)
    unit = (before['source'] * std + mean) / 127.5 - 1
    made = model.objectives['pixelda'].generator(unit)
    wanted = ((made + 1) * 127.5 - mean) / std
    torch.testing.assert_close(inputs['translated'], wanted, rtol=1e-5, atol=1e-5)
    assert weights == {}
    for part in data.values():  # the batch is left as it was
        assert set(part) == {'source', 'target'}
    outputs = model._forward_domains(inputs, samples)
    torch.testing.assert_close(outputs['translated'].unit_images, made, rtol=0, atol=1e-5)
    assert torch.equal(outputs['translated'].labels, outputs['source'].labels)


@pytest.mark.parametrize('weight', [0.25, 0.0])
def test_the_task_weight_weighs_the_translated_images_alone(weight):
    losses = []
    for value in (1.0, weight):
        model = build(dict(pixelda=dict(PIXELDA, task_weight=value))).double()
        torch.manual_seed(7)
        losses.append(model.loss(**data_of(model, count=2)))
    for name, value in losses[0].items():
        factor = weight if name == 'translated.decode.loss_ce' else 1.0
        torch.testing.assert_close(losses[1][name], factor * value, rtol=1e-12, atol=0, msg=name)


def test_merging_its_forward_with_the_others_changes_nothing():
    losses = {}
    for merge in ('auto', False):
        model = build(dict(pixelda=PIXELDA), merge_domains=merge).double()
        torch.manual_seed(7)
        losses[merge] = model.loss(**data_of(model))
    for name, value in losses['auto'].items():
        torch.testing.assert_close(value, losses[False][name], rtol=1e-9, atol=1e-11, msg=name)


def test_a_step_trains_every_network():
    model = build(dict(pixelda=PIXELDA))
    wrapper = JointOptimWrapperConstructor(
        dict(segmentor=ADAM, pixelda=dict(generator=ADAM, discriminator=ADAM))
    )(model)
    before = {name: value.clone() for name, value in model.named_parameters()}
    model.train_step(batch(count=2), wrapper)
    for network, belongs in NETWORKS.items():
        changed = [
            not torch.equal(value, before[name])
            for name, value in model.named_parameters()
            if belongs(name)
        ]
        assert all(changed), network


@pytest.mark.parametrize('objectives', [{}, dict(pixelda=PIXELDA)])
def test_outputs_know_the_padding_without_a_wait_for_it(objectives):
    model = build(objectives)
    data = model.data_preprocessor(padded_batch(), training=True)
    with host_waits() as found:
        inputs, samples, _, known = model._derive_domains(data['inputs'], data['data_samples'])
        outputs = model._forward_domains(inputs, samples, known=known)
    assert not found.of('mmseg_joint')
    assert torch.equal(outputs['unlabeled'].padding, padding_of_batch())
    assert all(own.padding is None for name, own in outputs.items() if name != 'unlabeled')
    for name, own in known.items():  # computed once for both
        assert own.padding is outputs[name].padding and own.labels is outputs[name].labels
