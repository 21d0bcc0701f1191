from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_joint.errors import JointError
from mmseg_joint.models.networks import ReconstructionGenerator


def tiny(**kwargs):
    torch.manual_seed(0)
    net = ReconstructionGenerator(8, channels=(7, 6, 5, 4, 4, 4), **kwargs)
    for parameter in net.parameters():  # a residual block that does something
        torch.nn.init.normal_(parameter, std=0.3)
    return net


def reference(p, x, doublings):
    """H9 written out, from the parameters by name; the whole map, uncut."""

    def conv(x, name):
        weight = p[f'{name}.weight']
        return F.conv2d(x, weight, p[f'{name}.bias'], padding=weight.shape[-1] // 2)

    for i in range(2):
        y = conv(x, f'blocks.{i}.conv1.conv').clamp(min=0)
        x = x + conv(y, f'blocks.{i}.conv2.conv')
    for i in range(6):
        if i < doublings:
            x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        x = conv(x, f'convs.{i}.conv').clamp(min=0)
    return torch.tanh(conv(x, 'to_picture'))


@pytest.mark.parametrize(('stride', 'doublings'), [(32, 5), (16, 4), (1, 0)])
def test_value_and_gradient(stride, doublings):
    net = tiny(feature_stride=stride).double()
    x = torch.randn(2, 8, 2, 3, dtype=torch.float64, requires_grad=True)
    parameters = dict(net.named_parameters())
    expected = reference(parameters, x, doublings)
    ours = net(x, (2 * stride, 3 * stride))
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)
    wrt = [x, *parameters.values()]
    for a, b in zip(*(torch.autograd.grad(y.square().sum(), wrt) for y in (ours, expected))):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_cut_to_the_image():
    net = tiny().double()
    with torch.no_grad():
        net.to_picture.weight.mul_(0.01)  # the tanh can be undone
    x = torch.randn(1, 8, 2, 3, dtype=torch.float64)
    whole = net(x, (64, 96))
    # The encoder rounded up: the image lies at the top left.
    assert torch.equal(net(x, (47, 65)), whole[..., :47, :65])
    # The encoder padded all round: it lies in the middle.
    assert torch.equal(net(x, (20, 96)), whole[..., 22:42, :])
    # The encoder rounded down, at least one side.
    for size in ((70, 100), (70, 90), (60, 100)):
        resized = F.interpolate(whole.atanh(), size, mode='bilinear').tanh()
        torch.testing.assert_close(net(x, size), resized)


def test_the_papers_network():
    net = MODELS.build({'type': 'ReconstructionGenerator'})
    assert len(net.blocks) == 2 and len(net.convs) == 6 and net.num_doublings == 5
    y = net(100 * torch.randn(1, 512, 1, 2), (32, 50))
    assert y.shape == (1, 3, 32, 50) and y.abs().max() <= 1 and y.isfinite().all()


@pytest.mark.parametrize('scale', [1.0, 10.0])
@pytest.mark.parametrize('narrow', [{}, dict(channels=(64, 32, 16, 16, 8, 8), block_channels=128)])
def test_the_first_images_are_where_the_tanh_has_a_slope(scale, narrow):
    """Features as large as ImageNet's networks give them would saturate it for good."""
    torch.manual_seed(0)
    net = MODELS.build({'type': 'ReconstructionGenerator', **narrow})
    net.init_weights()  # changes nothing
    for block in net.blocks[-2:]:
        x = torch.randn(1, block.conv1.conv.in_channels, 2, 3)
        assert torch.equal(block(x), x)
    images = net(scale * torch.randn(1, 512, 4, 6).relu(), (128, 192))
    assert images.abs().mean() < 0.7
    assert (images.abs() > 0.995).double().mean() < 0.05
    assert images.std() > 1e-3


def test_it_learns_an_image():
    torch.manual_seed(0)
    net = ReconstructionGenerator(16, 8, channels=(16, 16, 8, 8))
    features = 10 * torch.randn(2, 16, 3, 4).relu()
    wanted = torch.tensor([0.9, -0.8, 0.3]).view(3, 1, 1) * torch.tensor([1.0, -1.0]).view(
        2, 1, 1, 1
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        loss = (net(features, (24, 32)) - wanted).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    best_constant = wanted.abs().mean().item()  # gray, for two images of opposite colors
    assert losses[-1] < best_constant / 3 < losses[0]


def test_narrow_blocks_read_the_features_through_one_more_convolution():
    net = tiny(block_channels=5).double()
    assert net.blocks[0].conv.weight.shape == (5, 8, 1, 1)
    parameters = dict(net.named_parameters())
    moved = {
        name.replace('blocks.1.', 'blocks.0.').replace('blocks.2.', 'blocks.1.'): value
        for name, value in parameters.items()
        if not name.startswith('blocks.0.')
    }
    x = torch.randn(2, 8, 2, 3, dtype=torch.float64)
    weight, bias = (parameters[f'blocks.0.conv.{name}'] for name in ('weight', 'bias'))
    expected = reference(moved, F.conv2d(x, weight, bias).clamp(min=0), doublings=5)
    torch.testing.assert_close(net(x, (64, 96)), expected, rtol=0, atol=1e-12)


def test_norm_layers_on_request():
    net = tiny(norm_cfg={'type': 'IN', 'affine': True})
    assert sum(isinstance(m, torch.nn.InstanceNorm2d) for m in net.modules()) == 10
    assert net(torch.randn(2, 8, 2, 2), (64, 64)).isfinite().all()


@pytest.mark.parametrize('stride', [24, 128, 0])
def test_impossible_strides_are_refused(stride):
    with pytest.raises(JointError, match='power of two'):
        tiny(feature_stride=stride)
