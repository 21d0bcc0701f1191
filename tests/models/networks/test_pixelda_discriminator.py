from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from tests.models.networks.test_pixelda_generator import normalized

CALM = dict(dropout_ratio=0.0, input_noise=0.0)


def build(**values):
    torch.manual_seed(0)
    return MODELS.build({'type': 'PixelDADiscriminator', **values})


def reference(p, x, count):
    """Figure 2 written out, without its noise, from the parameters by name."""
    for i in range(count):
        bias = p.get(f'convs.{i}.conv.bias')
        x = F.conv2d(x, p[f'convs.{i}.conv.weight'], bias, stride=2 if i else 1, padding=1)
        if i:
            x = normalized(x, p[f'convs.{i}.bn.weight'], p[f'convs.{i}.bn.bias'])
        x = torch.where(x > 0, x, 0.2 * x)
    return F.conv2d(x, p['to_logit.weight'], p['to_logit.bias'])


def test_value_and_gradient():
    net = build(channels=(4, 5, 6), **CALM).double()
    for conv in net.convs[1:]:
        torch.nn.init.uniform_(conv.bn.weight, 0.5, 2.0)
        torch.nn.init.uniform_(conv.bn.bias, -1.0, 1.0)
    images = torch.randn(2, 3, 19, 26, dtype=torch.float64, requires_grad=True)
    parameters = dict(net.named_parameters())
    expected = reference(parameters, images, 3)
    ours = net(images)
    assert ours.shape == (2, 1, 2, 4)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)
    wrt = [images, *parameters.values()]
    for a, b in zip(*(torch.autograd.grad(y.square().sum(), wrt) for y in (ours, expected))):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)


def test_the_papers_network_gives_an_image_of_32_one_logit_of_a_fully_connected_layer():
    net = build(**CALM)
    assert [tuple(conv.conv.weight.shape) for conv in net.convs] == [
        (64, 3, 3, 3), (128, 64, 3, 3), (256, 128, 3, 3), (512, 256, 3, 3)
    ]  # fmt: skip
    assert [conv.conv.stride[0] for conv in net.convs] == [1, 2, 2, 2]
    assert [conv.with_norm for conv in net.convs] == [False, True, True, True]
    x = images = torch.rand(2, 3, 32, 32)
    for conv in net.convs:
        x = conv(x)
    flat = x.flatten(1) @ net.to_logit.weight.flatten() + net.to_logit.bias
    torch.testing.assert_close(net(images).flatten(), flat, rtol=1e-4, atol=1e-5)
    assert net(torch.rand(1, 3, 64, 100)).shape == (1, 1, 5, 10)


def test_noise_on_the_images_is_gaussian_and_only_in_training():
    net = build(channels=(4, 5), dropout_ratio=0.0, input_noise=0.2).double()
    calm = build(channels=(4, 5), **CALM).double()
    images = torch.rand(1, 3, 20, 20, dtype=torch.float64)
    torch.manual_seed(5)
    d_logits = net(images)
    torch.manual_seed(5)
    noisy = images + 0.2 * torch.randn(1, 3, 20, 20, dtype=torch.float64)
    torch.testing.assert_close(d_logits, calm(noisy), rtol=0, atol=1e-12)
    calm.load_state_dict(net.state_dict())
    assert torch.equal(net.eval()(images), calm.eval()(images))


def test_noise_after_each_layer_on_request():
    net = build(channels=(4,), dropout_ratio=0.0, input_noise=0.0, hidden_noise=0.3).double()
    images = torch.rand(1, 3, 9, 9, dtype=torch.float64)
    torch.manual_seed(5)
    d_logits = net(images)
    torch.manual_seed(5)
    noisy = net.convs[0](images) + 0.3 * torch.randn(1, 4, 9, 9, dtype=torch.float64)
    torch.testing.assert_close(d_logits, net.to_logit(noisy), rtol=0, atol=1e-12)


def test_dropout_of_a_tenth_follows_each_convolution():
    net = build(channels=(16, 16), input_noise=0.0)
    seen = []
    hook = lambda module, inputs, output: seen.append((inputs[0], output))  # noqa: E731
    net.dropout.register_forward_hook(hook)
    net(torch.rand(4, 3, 32, 32))
    assert len(seen) == 2
    for before, after in seen:
        dropped = (after == 0) & (before != 0)
        assert 0.07 < dropped.double().mean() < 0.13
    seen.clear()
    net.eval()(torch.rand(4, 3, 32, 32))
    assert all(torch.equal(before, after) for before, after in seen)


@pytest.mark.parametrize('size', [(9, 40), (17, 9)])
def test_small_images_are_extended_by_zeros(size):
    net = build(channels=(4, 5, 6, 7), **CALM).double()
    images = torch.rand(2, 3, *size, dtype=torch.float64)
    x = images
    for conv in net.convs:
        x = conv(x)
    wide = x.new_zeros(2, 7, max(4, x.shape[2]), max(4, x.shape[3]))
    wide[..., : x.shape[2], : x.shape[3]] = x
    torch.testing.assert_close(net(images), net.to_logit(wide), rtol=0, atol=1e-12)
