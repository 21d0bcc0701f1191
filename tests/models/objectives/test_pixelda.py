"""Eq. 2 of PixelDA (the domain loss) and its gradients, with outputs made by hand."""

from __future__ import annotations

import pytest
import torch

from mmseg_joint.models import PixelDA
from mmseg_joint.models.objectives import DomainInput, DomainOutput
from tests.tiny import build

CALM = dict(channels=(4, 5), dropout_ratio=0.0, input_noise=0.0)
NARROW = dict(channels=4, num_blocks=1, noise_dims=3, noise_size=(2, 3))
MEAN, STD = 110.0, 57.0


def normalize(images):
    """[-1, 1] -> what the segmentor sees."""
    return ((images + 1) * 127.5 - MEAN) / STD


def to_unit_range(inputs):
    return (inputs * STD + MEAN) / 127.5 - 1


def objective(discriminator=CALM, **values):
    torch.manual_seed(3)
    return PixelDA(generator=NARROW, discriminator=discriminator, **values).double()


def images(seed, size=(19, 26)):
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(2, 3, *size, generator=generator, dtype=torch.float64) - 1


def derived(pixelda, source):
    """What it makes from source images in [-1, 1]."""
    labels = torch.zeros(2, 19, 26, dtype=torch.long)
    inputs = dict(source=DomainInput(normalize(source), labels, to_unit_range))
    (made,) = pixelda.derive(inputs).items()
    assert made[0] == 'translated' and made[1].labels is labels
    return made[1]


def outputs_of(pixelda, target_size=(19, 26)):
    """What the model passes on: the translated images with the generator's graph."""
    inputs = dict(
        source=normalize(images(0)),
        target=normalize(images(1, target_size)),
        translated=normalize(derived(pixelda, images(0)).images),
    )
    labels = torch.zeros(2, 19, 26, dtype=torch.long)
    return {
        domain: DomainOutput(value, labels, to_unit_range, features=(), logits=value)
        for domain, value in inputs.items()
    }


def called(d_logits, label):
    p = d_logits.sigmoid()
    return -(p if label else 1 - p).log().mean()


def gradients(loss, modules):
    parameters = [value for module in modules for value in module.parameters()]
    return torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)


@pytest.mark.parametrize('target_size', [(19, 26), (33, 21)])
def test_losses_and_gradients_equal_the_formulas(target_size):
    pixelda = objective(generator_weight=0.3, discriminator_weight=0.7)
    outputs = outputs_of(pixelda, target_size)
    losses = pixelda(outputs).losses
    translated = to_unit_range(outputs['translated'].inputs)
    real = pixelda.discriminator(images(1, target_size))
    fake = pixelda.discriminator(translated)
    expected = {
        'loss_generator': 0.3 * called(fake, 1),
        'loss_discriminator': 0.7 * (called(real, 1) + called(fake, 0)),
        'accuracy_real': (real > 0).double().mean(),
        'accuracy_fake': (fake <= 0).double().mean(),
    }
    assert set(losses) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value, rtol=1e-10, atol=1e-12)
    both = pixelda.generator, pixelda.discriminator
    for name, trained, other in (
        ('loss_generator', *both),
        ('loss_discriminator', *reversed(both)),
    ):
        got = gradients(losses[name], [trained])
        wanted = gradients(expected[name], [trained])
        for ours, theirs in zip(got, wanted):
            torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-12)
        assert all(value is None for value in gradients(losses[name], [other]))


def test_losses_reach_neither_the_target_nor_the_segmentor():
    pixelda = objective()
    outputs = outputs_of(pixelda)
    for output in outputs.values():
        output.logits = output.logits.detach().requires_grad_()
    for domain in ('source', 'target'):
        outputs[domain].inputs.requires_grad_()
    losses = pixelda(outputs).losses
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    assert all(output.logits.grad is None for output in outputs.values())
    assert outputs['source'].inputs.grad is None
    assert all(value.grad is not None for value in pixelda.parameters())


def test_a_loss_on_the_translated_images_trains_the_generator():
    pixelda = objective()
    loss = outputs_of(pixelda)['translated'].inputs.square().mean()
    assert all(value.abs().sum() > 0 for value in gradients(loss, [pixelda.generator.enter]))
    assert all(value is None for value in gradients(loss, [pixelda.discriminator]))


def test_translated_images_are_the_generators_with_the_sources_labels():
    pixelda = objective()
    torch.manual_seed(4)
    drawn = derived(pixelda, images(0)).images
    torch.manual_seed(4)
    torch.testing.assert_close(drawn, pixelda.generator(images(0)), rtol=1e-12, atol=1e-12)
    assert drawn.requires_grad and drawn.abs().max() <= 1
    assert pixelda.domains == ('source', 'target') and pixelda.gradient_domains == ()


@pytest.mark.parametrize('weight', [1.0, 0.3])
def test_the_task_weight_is_that_of_every_translated_pixel(weight):
    pixelda = objective(task_weight=weight)
    weights = derived(pixelda, images(0)).pixel_weights
    assert pixelda.weighs_pixels == (weight != 1)
    if weight == 1:
        assert weights is None  # so that heads need not take any
    else:
        assert torch.equal(weights, torch.full((2, 19, 26), weight, dtype=torch.float64))


def test_translated_images_are_single_precision_under_autocast():
    pixelda = objective().float()
    with torch.autocast('cpu', torch.bfloat16):
        assert derived(pixelda, images(0).float()).images.dtype == torch.float32


def test_extreme_images_give_finite_losses_and_gradients():
    pixelda = objective(dict(channels=(4, 5)))
    outputs = outputs_of(pixelda)
    outputs['target'].inputs = torch.full_like(outputs['target'].inputs, 1e6)
    losses = pixelda(outputs).losses
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    assert all(value.grad.isfinite().all() for value in pixelda.parameters())


def test_the_model_builds_it_from_its_name_alone():
    pixelda = build(dict(pixelda=dict(type='PixelDA'))).objectives['pixelda']
    assert pixelda.generator.noise_size == (64, 128)
    assert pixelda.discriminator.input_noise == 0.2 and pixelda.discriminator.dropout.p == 0.1
