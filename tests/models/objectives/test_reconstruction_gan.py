from __future__ import annotations

import pytest
import torch
from torch.nn.functional import binary_cross_entropy, l1_loss

from tests.tiny import GAN, batch, build


def outputs_of(model, **kwargs):
    data = model.data_preprocessor(batch(**kwargs), training=True)
    return model._forward_domains(data['inputs'], data['data_samples'])


@pytest.mark.parametrize(('target_size', 'index'), [((45, 70), 3), ((33, 66), 4)])
def test_losses_equal_a_reference_at_odd_size_and_batch_two(target_size, index):
    gan = dict(GAN, real_label=(0.9, 0.9), fake_label=(0.1, 0.1), reconstruction_weight=10.0)
    gan['feature_index'] = index
    model = build(dict(gan=gan)).double()
    data = batch(domains=('source',), size=(45, 70), count=2)
    for key, values in batch(1, ('target',), size=target_size, count=2).items():
        data[key] += values
    data = model.data_preprocessor(data, training=True)
    outputs = model._forward_domains(data['inputs'], data['data_samples'])
    objective = model.objectives['gan']
    losses = objective(outputs).losses

    def image(domain):  # raw image, 0..255 -> -1..1
        raw = outputs[domain].inputs * torch.tensor([58.0, 57.0, 56.0]).view(3, 1, 1)
        return (raw + torch.tensor([120.0, 110.0, 100.0]).view(3, 1, 1)) / 255 * 2 - 1

    def rebuild(domain):
        size = outputs[domain].inputs.shape[2:]
        return objective.generator(outputs[domain].features[index], size)

    fake, real = (
        objective.discriminator(rebuild('source')),
        objective.discriminator(image('target')),
    )

    def bce(score, label):
        return binary_cross_entropy(score.sigmoid(), torch.full_like(score, label))

    expected = {
        'loss_reconstruction': 10
        * (l1_loss(rebuild('source'), image('source'))
           + l1_loss(rebuild('target'), image('target'))),
        'loss_generator': bce(fake, 1.0),
        'loss_encoder': 0.001 * bce(fake, 1.0),
        'loss_discriminator': bce(real, 0.9) + bce(fake, 0.1),
        'accuracy_real': (real > 0).double().mean(),
        'accuracy_fake': (fake <= 0).double().mean(),
    }  # fmt: skip
    assert set(losses) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value, rtol=1e-10, atol=1e-12, msg=name)


def test_images_span_the_range_of_a_tanh():
    data = batch()
    data['inputs'][0][:, 0, 0] = 0
    data['inputs'][0][:, 0, 1] = 255
    model = build()
    outputs = model._forward_domains(*model.data_preprocessor(data, training=True).values())
    image = outputs['source'].unit_images[0]
    torch.testing.assert_close(image[:, 0, 0], torch.full((3,), -1.0))
    torch.testing.assert_close(image[:, 0, 1], torch.full((3,), 1.0))


def test_label_noise_is_drawn_for_each_element_of_the_batch(monkeypatch):
    model = build(dict(gan=GAN))
    outputs = outputs_of(model, count=3)
    seen = []
    module = 'mmseg_joint.models.objectives.reconstruction_gan.binary_cross_entropy_with_logits'

    def spy(score, label):
        seen.append(label)
        return score.sum() * 0

    monkeypatch.setattr(module, spy)
    model.objectives['gan'](outputs)
    noisy = [label for label in seen if not torch.equal(label, torch.ones_like(label))]
    assert len(noisy) == 2
    real, fake = sorted(noisy, key=lambda label: -label.mean())
    for label, (low, high) in ((real, (0.8, 1.0)), (fake, (0.0, 0.2))):
        per_element = label.flatten(1)
        assert (per_element == per_element[:, :1]).all()
        assert len(per_element[:, 0].unique()) == 3
        assert low <= label.min() and label.max() <= high
