from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS


def build(**values):
    torch.manual_seed(0)
    return MODELS.build({'type': 'PixelDAGenerator', **values})


def normalized(x, weight, bias):
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    variance = (x - mean).square().mean(dim=(0, 2, 3), keepdim=True)
    shape = (1, -1, 1, 1)
    return (x - mean) / (variance + 1e-5).sqrt() * weight.view(shape) + bias.view(shape)


def reference(p, images, noise, noise_size, blocks):
    """Figure 2 written out, from the parameters by name."""
    channel = noise @ p['project.weight'].T + p['project.bias']
    channel = channel.view(-1, 1, *noise_size)
    if tuple(noise_size) != tuple(images.shape[2:]):
        channel = F.interpolate(channel, images.shape[2:], mode='bilinear')
    x = torch.cat([images, channel], dim=1)
    x = F.conv2d(x, p['enter.weight'], p['enter.bias'], padding=1).clamp(min=0)
    for i in range(blocks):
        y = x
        for k in (1, 2):
            name = f'blocks.{i}.conv{k}'
            y = F.conv2d(y, p[f'{name}.conv.weight'], padding=1)
            y = normalized(y, p[f'{name}.bn.weight'], p[f'{name}.bn.bias'])
            y = y.clamp(min=0) if k == 1 else y
        x = x + y
    return torch.tanh(F.conv2d(x, p['to_picture.weight'], p['to_picture.bias']))


def check(noise_size, size):
    net = build(channels=5, num_blocks=2, noise_dims=3, noise_size=noise_size).double()
    for module in net.modules():  # scales that matter
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 2.0)
            torch.nn.init.uniform_(module.bias, -1.0, 1.0)
    images = (2 * torch.rand(2, 3, *size, dtype=torch.float64) - 1).requires_grad_()
    noise = 2 * torch.rand(2, 3, dtype=torch.float64) - 1
    parameters = dict(net.named_parameters())
    expected = reference(parameters, images, noise, noise_size, blocks=2)
    ours = net(images, noise)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)
    wrt = [images, *parameters.values()]
    for a, b in zip(*(torch.autograd.grad(y.square().sum(), wrt) for y in (ours, expected))):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)


def test_value_and_gradient_with_a_grid_for_the_noise():
    check(noise_size=(2, 5), size=(7, 13))


def test_with_a_grid_of_the_images_size_it_is_the_papers():
    check(noise_size=(6, 7), size=(6, 7))


def test_the_papers_widths():
    net = build(noise_size=(8, 8))
    assert net.project.weight.shape == (64, 10)
    assert net.enter.weight.shape == (64, 4, 3, 3)
    assert len(net.blocks) == 6 and net.to_picture.weight.shape == (3, 64, 1, 1)
    # six blocks of two convolutions without bias and two batch norms
    assert sum(p.numel() for p in net.blocks.parameters()) == 6 * 2 * (64 * 64 * 9 + 128)
    drawn = net(100 * torch.randn(1, 3, 33, 20))
    assert drawn.shape == (1, 3, 33, 20) and drawn.abs().max() <= 1 and drawn.isfinite().all()


def test_noise_is_uniform_drawn_for_each_image_and_seeded(monkeypatch):
    net = build(channels=4, num_blocks=1, noise_dims=1000, noise_size=(2, 2))
    seen = []
    project = net.project.forward
    monkeypatch.setattr(net.project, 'forward', lambda z: seen.append(z) or project(z))
    images = torch.zeros(2, 3, 8, 8)
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(net(images))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    noise = seen[0]
    assert noise.shape == (2, 1000) and not torch.equal(noise[0], noise[1])
    assert -1 <= noise.min() < -0.95 and 0.95 < noise.max() <= 1
    assert noise.mean().abs() < 0.1 and abs(noise.var() - 1 / 3) < 0.05


@pytest.mark.parametrize('kind', ['PixelDAGenerator', 'PixelDADiscriminator'])
def test_the_first_weights_are_those_of_the_published_code(kind):
    torch.manual_seed(0)
    net = MODELS.build(dict(type=kind))
    net.init_weights()
    weights = [m for m in net.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear))]
    for module in weights:
        assert abs(module.weight.std().item() / 0.02 - 1) < 4 / (2 * module.weight.numel()) ** 0.5
        assert module.bias is None or not module.bias.any()
    other = MODELS.build(dict(type=kind, init_cfg=dict(type='Constant', layer='Conv2d', val=0.5)))
    other.init_weights()
    assert all((m.weight == 0.5).all() for m in other.modules() if isinstance(m, torch.nn.Conv2d))
