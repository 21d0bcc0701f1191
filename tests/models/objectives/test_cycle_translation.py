"""BDL's translation against plain torch, and the pool of earlier images."""

from __future__ import annotations

import pytest
import torch
from mmengine import Config
from torch import nn

from mmseg_joint.errors import JointError
from mmseg_joint.models.objectives.image_pool import ImagePool
from tests.objective_cases import DEEPLAB
from tests.reference.plain_lsd import normalized
from tests.reference.plain_translation import discriminate, translate
from tests.tiny import batch, build
from tests.tiny_configs import ROOT

SIZE = (40, 56)
TRANSLATION = dict(
    type='CycleTranslation',
    generator=dict(channels=(3, 4, 5), num_blocks=1),
    discriminator=dict(channels=(3, 4, 5, 6)),
    cycle_weight=1.3,
    identity_weight=0.7,
    perceptual_weight=0.4,
    perceptual_cycle_weight=0.6,
    pool_size=0,
)


def model_and_images(**changes):
    """A double-precision model in training mode, and the step's images."""
    model = build({'cycle': {**TRANSLATION, **changes}}, **DEEPLAB).double().train()
    torch.manual_seed(5)
    for parameter in model.objectives.parameters():
        nn.init.normal_(parameter, std=0.3)
    data = model.data_preprocessor(
        batch(domains=('source', 'unlabeled'), size=SIZE, count=2), training=True
    )
    samples = data['data_samples']
    for sample in samples['source']:
        sample.set_metainfo(dict(labeled=False))
    return model, {name: x.double() for name, x in data['inputs'].items()}, samples


def by_hand(model, inputs, live):
    """L_G (with `live='G'`) or L_D, every network live."""
    own = model.objectives.cycle
    a, b = (model.data_preprocessor.to_unit_range(inputs[d]) for d in ('source', 'unlabeled'))
    to_b, to_a = own.generators['target'], own.generators['source']
    d_b, d_a = own.discriminators['target'], own.discriminators['source']
    fake_b, fake_a = translate(to_b, a), translate(to_a, b)
    if live == 'accuracy':
        real = [discriminate(d, x) > 0.5 for d, x in ((d_a, a), (d_b, b))]
        fake = [discriminate(d, x) <= 0.5 for d, x in ((d_a, fake_a), (d_b, fake_b))]
        return torch.stack([hits.double().mean() for hits in real + fake]).mean()
    if live == 'D':
        return sum(
            ((discriminate(d, real) - 1) ** 2).mean() / 2 + (discriminate(d, fake) ** 2).mean() / 2
            for d, real, fake in ((d_a, a, fake_a), (d_b, b, fake_b))
        )
    back_a, back_b = translate(to_a, fake_b), translate(to_b, fake_a)
    was_training = model.training
    model.eval()

    def looked(x):
        normal = model.data_preprocessor.from_unit_range(x)
        return normalized(model.encode_decode(normal, [dict(img_shape=SIZE)] * len(x)))

    perceptual = [
        weight * ((looked(x) - looked(y)) ** 2).mean()
        for weight, pairs in ((0.4, ((fake_b, a), (fake_a, b))), (0.6, ((back_a, a), (back_b, b))))
        for x, y in pairs
    ]
    model.train(was_training)
    return (
        ((discriminate(d_b, fake_b) - 1) ** 2).mean()
        + ((discriminate(d_a, fake_a) - 1) ** 2).mean()
        + 1.3 * ((back_a - a).abs().mean() + (back_b - b).abs().mean())
        + 0.7 * ((translate(to_b, b) - b).abs().mean() + (translate(to_a, a) - a).abs().mean())
        + sum(perceptual)
    )


def gradients(loss, module):
    values = list(module.parameters())
    found = torch.autograd.grad(loss, values, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(v) if g is None else g for g, v in zip(found, values)]


def test_losses_and_gradients_equal_plain_torch():
    model, inputs, samples = model_and_images()
    losses = model.loss(inputs, samples)
    own = model.objectives.cycle
    names = {name for name in losses if 'loss' in name}
    assert all(name.startswith('cycle.') for name in names)  # nothing supervised
    accuracy = by_hand(model, inputs, 'accuracy')
    torch.testing.assert_close(losses['cycle.accuracy'], accuracy)
    assert 0 < accuracy < 1
    d_names = {name for name in names if 'discriminator' in name}
    for live, mine, networks, others in (
        ('G', names - d_names, own.generators, own.discriminators),
        ('D', d_names, own.discriminators, own.generators),
    ):
        got = sum(losses[name] for name in mine)
        wanted = by_hand(model, inputs, live)
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=0)
        expected = gradients(wanted, networks)
        torch.testing.assert_close(gradients(got, networks), expected, rtol=1e-6, atol=1e-10)
        assert any(g.abs().max() > 1e-4 for g in expected)
        assert not any(g.any() for g in gradients(got, others))


def test_the_segmentor_stays_as_it_is():
    model, inputs, samples = model_and_images()
    parts = (model.backbone, model.decode_head)
    assert not any(m.training for part in parts for m in part.modules())
    assert model.objectives.cycle.generators.training
    assert not any(p.requires_grad for part in parts for p in part.parameters())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    sum(v for k, v in model.loss(inputs, samples).items() if 'loss' in k).backward()
    after = model.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before if 'objectives' not in k)
    assert all(p.grad is not None for p in model.objectives.parameters())


def test_the_second_round_keeps_what_the_segmentor_sees_in_every_config():
    configs = sorted((ROOT / 'configs').glob('bdl_translation_*.py'))
    assert configs
    for path in configs:  # docs/quoted_systems.md turns it off for the first round alone
        own = Config.fromfile(path).model.objectives.translation
        assert own.perceptual_weight > 0 and own.perceptual_cycle_weight > 0, path.name


def test_without_a_perceptual_loss_the_segmentor_is_not_run(monkeypatch):
    model, inputs, samples = model_and_images(perceptual_weight=0, perceptual_cycle_weight=0)
    monkeypatch.setattr(model, '_segment', None)
    losses = model.loss(inputs, samples)
    assert not [name for name in losses if 'perceptual' in name]


@pytest.mark.parametrize('kind', ['perceptual', 'perceptual_cycle', 'identity'])
def test_a_weight_of_0_removes_one_loss_alone(kind):
    model, inputs, samples = model_and_images()
    whole = model.loss(inputs, samples)
    model, inputs, samples = model_and_images(**{f'{kind}_weight': 0})
    losses = model.loss(inputs, samples)
    for name, value in whole.items():
        if name != f'cycle.loss_{kind}':
            torch.testing.assert_close(losses[name], value)
    assert not losses.get(f'cycle.loss_{kind}', 0)


def test_translation_is_the_generator_of_the_targets_look():
    model, inputs, _ = model_and_images()
    images = model.data_preprocessor.to_unit_range(inputs['source'])
    own = model.objectives.cycle
    torch.testing.assert_close(own.translate(images), translate(own.generators['target'], images))


def test_the_pool_returns_earlier_images():
    torch.manual_seed(0)
    pool, kept, given = ImagePool(4, (2, 3)), [], 0
    for number in range(200):
        image = torch.full((1, 3, 2, 3), number / 127.5 - 1)
        (value,) = ((pool(image) + 1) * 127.5).round().unique().tolist()
        if len(kept) < 4:
            assert value == number
            kept.append(number)
        elif value != number:
            given += 1
            kept[kept.index(value)] = number  # its place is the new one's
    assert 70 < given < 126 and sorted(kept) == sorted(pool.images[:, 0, 0, 0].tolist())


def test_the_pool_goes_on_after_a_resume():
    torch.manual_seed(0)
    pool = ImagePool(3, (2, 3))
    for _ in range(5):
        pool(2 * torch.rand(2, 3, 2, 3) - 1)
    other = ImagePool(3, (2, 3))
    other(torch.zeros(1, 3, 2, 3))
    other.load_state_dict(pool.state_dict())
    images = 2 * torch.rand(6, 3, 2, 3) - 1
    torch.manual_seed(1)
    wanted = pool(images)
    torch.manual_seed(1)
    assert torch.equal(other(images), wanted) and not torch.equal(wanted, images)
    with pytest.raises(JointError, match='set the pool_image_size'):
        pool(torch.zeros(1, 3, 4, 4))
