"""LSD-seg's three losses against plain torch, one `autograd.grad` for each network."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from mmseg_joint.models.objectives import LearningFromSyntheticData
from tests.reference.plain_lsd import discriminate, draw
from tests.tiny import CLASSES, batch, build

LSD = dict(
    type='LearningFromSyntheticData',
    generator=dict(in_channels=(6, 8, 8), channels=(4, 6, 4, 3, 2), dropout_ratio=0.0),
    discriminator=dict(channels=4, num_blocks=1, dropout_ratio=0.0),
    encoder_domain_weight=0.3,
    encoder_class_weight=0.2,
    generator_class_weight=0.9,
    generator_domain_weight=0.4,
    reconstruction_weight=0.7,
)
OWN = {
    'F': ('loss_encoder_domain', 'loss_encoder_class'),
    'G': ('loss_generator_class', 'loss_generator_domain', 'loss_reconstruction'),
    'D': ('loss_discriminator', 'loss_discriminator_class'),
}


def stretch(model):
    """Initial weights of N(0, .02) would make all gradients vanish in rounding errors."""
    torch.manual_seed(3)
    for parameter in model.objectives.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)


@pytest.fixture(scope='module')
def step():
    model = build({'lsd': LSD}).double()
    stretch(model)
    data = model.data_preprocessor(batch(domains=('source', 'unlabeled')), training=True)
    inputs = {name: x.double() for name, x in data['inputs'].items()}
    return model, inputs, data['data_samples']


def kind_loss(logits, kind):
    return -logits.log_softmax(1)[:, kind].mean()


def class_loss(logits, labels):
    rows, columns = (
        (torch.arange(n) * full // n) for n, full in zip(logits.shape[2:], labels.shape[1:])
    )
    small = labels[:, rows][:, :, columns]
    known = small != 255
    picked = logits.log_softmax(1).gather(1, small.where(known, 0)[:, None])[:, 0]
    return -picked[known].mean()


def by_hand(model, inputs, samples):
    """L_F without its supervised loss, L_G and L_D, all networks live."""
    objective = model.objectives.lsd
    labels = torch.stack([s.gt_sem_seg.data[0] for s in samples['source']])
    images, drawn = {}, {}
    for domain, x in inputs.items():
        images[domain] = (model.data_preprocessor.to_unit_range(x) + 1) / 2
        outs = model.extract_feat(x)
        drawn[domain] = draw(objective.generator, [outs[i] for i in (1, 2, 4)], x.shape[2:])
    d = {
        (domain, name): discriminate(objective.discriminator, image)
        for name, of in (('real', images), ('drawn', drawn))
        for domain, image in of.items()
    }
    s, t = ('source', 'drawn'), ('unlabeled', 'drawn')
    classes = class_loss(d[s][1], labels)
    distance = sum((drawn[n] - images[n]).abs().mean() for n in images)
    right = [
        (d['source', 'real'][0].argmax(1) == 0).double().mean(),
        (d[s][0].argmax(1) == 1).double().mean(),
        (d['unlabeled', 'real'][0].argmax(1) == 2).double().mean(),
        (d[t][0].argmax(1) == 3).double().mean(),
    ]
    return {
        'accuracy': sum(right) / 4,
        'F': 0.3 * (kind_loss(d[s][0], 2) + kind_loss(d[t][0], 0)) + 0.2 * classes,
        'G': 0.9 * classes + 0.4 * (kind_loss(d[s][0], 0) + kind_loss(d[t][0], 2)) + 0.7 * distance,
        'D': kind_loss(d['source', 'real'][0], 0)
        + kind_loss(d[s][0], 1)
        + kind_loss(d['unlabeled', 'real'][0], 2)
        + kind_loss(d[t][0], 3)
        + class_loss(d['source', 'real'][1], labels),
    }


def parameters(model):
    objective = model.objectives.lsd
    return {
        'F': list(model.backbone.parameters()),
        'G': list(objective.generator.parameters()),
        'D': list(objective.discriminator.parameters()),
    }


def gradients(loss, values):
    found = torch.autograd.grad(loss, values, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(v) if g is None else g for g, v in zip(found, values)]


def test_every_network_gets_its_own_gradient_and_no_other(step):
    model, inputs, samples = step
    losses = model.loss(inputs, samples)
    wanted = by_hand(model, inputs, samples)
    torch.testing.assert_close(losses['lsd.accuracy_kind'], wanted['accuracy'])
    assert 0 < wanted['accuracy'] < 1
    for network, names in OWN.items():
        mine = sum(losses[f'lsd.{name}'] for name in names)
        torch.testing.assert_close(mine, wanted[network], rtol=1e-10, atol=0)
        for other, values in parameters(model).items():
            got = gradients(mine, values)
            if other != network:
                assert not any(g.any() for g in got), f'the loss of {network} reaches {other}'
                continue
            expected = gradients(wanted[network], values)
            torch.testing.assert_close(got, expected, rtol=1e-7, atol=1e-12)
            assert any(g.abs().max() > 1e-8 for g in expected), network
    assert {f'lsd.{name}' for names in OWN.values() for name in names} == {
        name for name in losses if 'lsd.loss' in name
    }


def test_maps_show_where_an_image_is_taken_for_a_real_one_of_its_domain(step):
    model, inputs, samples = step
    with torch.no_grad():
        outputs, shown = model.eval().inspect_batch(inputs, samples)
    model.train()
    for domain, kind in (('source', 0), ('unlabeled', 2)):
        drawn = (shown[domain]['lsd: reconstructed'] + 1) / 2
        for title, image in (
            ('reconstructed', drawn),
            ('image', (outputs[domain].unit_images + 1) / 2),
        ):
            kinds = discriminate(model.objectives.lsd.discriminator, image)[0].softmax(1)
            got = shown[domain][f'lsd: D says {domain}: {title}']
            torch.testing.assert_close(got, kinds[:, kind].detach())


def test_zero_heads_know_nothing(step):
    model, inputs, samples = step
    objective = model.objectives.lsd
    kept = objective.discriminator.state_dict()
    kept = {name: value.clone() for name, value in kept.items()}
    for head in (objective.discriminator.to_domain, objective.discriminator.to_class):
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.zeros_(head.bias)
    losses = model.loss(inputs, samples)
    objective.discriminator.load_state_dict(kept)
    total = losses['lsd.loss_discriminator'] + losses['lsd.loss_discriminator_class']
    assert total.item() == pytest.approx(4 * math.log(4) + math.log(CLASSES))


def test_a_step_without_a_label(step):
    model, inputs, samples = step
    labels = samples['source'][0].gt_sem_seg.data
    kept = labels.clone()
    labels.fill_(255)
    losses = model.loss(inputs, samples)
    labels.copy_(kept)
    assert losses['lsd.loss_encoder_class'] == losses['lsd.loss_discriminator_class'] == 0
    assert all(losses[name].isfinite() for name in losses if 'lsd.' in name)


def test_defaults_are_the_public_sums_as_means():
    objective = LearningFromSyntheticData(
        CLASSES, generator=LSD['generator'], discriminator=LSD['discriminator']
    )
    # at 512×1024, sums over D's 64×128 positions beside a sum over all pixels
    positions = F.max_pool2d(torch.zeros(1, 1, 257, 513), 4).numel()
    assert objective.reconstruction_weight == 1 / positions
    assert objective.encoder_domain_weight == 0.1 * positions / (512 * 1024)
