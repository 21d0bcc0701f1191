from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_joint.errors import JointError
from mmseg_joint.models.networks import WeightingNetwork

WIDTHS = (3, 4, 4, 5)


def tiny(level, num_maps=1, **kwargs):
    torch.manual_seed(0)
    return WeightingNetwork(6, num_maps, level, channels=WIDTHS, **kwargs)


def reference(net, x, level):
    """The five convolutions written out, from sections 3.1 and 3.3."""
    strides = (2, 2, 2, 1, 1) if level == 'region' else (2,) * 5
    size = x.shape[2:]
    for i, stride in enumerate(strides):
        padding = 1 if stride == 2 else 'same'
        x = F.conv2d(x, net.convs[i].weight, net.convs[i].bias, stride, padding)
        x = torch.where(x > 0, x, 0.2 * x) if i < 4 else x
    if level == 'pixel':
        return F.interpolate(x, size, mode='bilinear', align_corners=False)
    return x.flatten(2).mean(2) if level == 'image' else x


@pytest.mark.parametrize('num_maps', [1, 6])
@pytest.mark.parametrize('level', ['pixel', 'region', 'image'])
@pytest.mark.filterwarnings('ignore:Using padding')
def test_value_and_gradient(level, num_maps):
    net = tiny(level, num_maps).double()
    x = torch.randn(2, 6, 67, 90, dtype=torch.float64).softmax(1).requires_grad_()
    ours, theirs = net(x), reference(net, x, level)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    noise = torch.randn_like(theirs)
    wrt = [x, *net.parameters()]
    for a, b in zip(*(torch.autograd.grad((y * noise).sum(), wrt) for y in (ours, theirs))):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize('size', [(64, 128), (67, 90), (31, 33), (5, 40), (1, 1)])
def test_sizes(size):
    x = torch.rand(2, 6, *size)
    assert tiny('pixel', 6)(x).shape == (2, 6, *size)
    assert tiny('region')(x).shape == (2, 1, *(max(1, n // 8) for n in size))
    assert tiny('image', 6)(x).shape == (2, 6)


def test_the_papers_network():
    net = MODELS.build({'type': 'WeightingNetwork', 'in_channels': 19, 'num_maps': 19})
    shapes = [tuple(conv.weight.shape) for conv in net.convs]
    widths = (19, 64, 128, 256, 512, 19)
    assert shapes == [(after, before, 4, 4) for before, after in zip(widths, widths[1:])]
    region = WeightingNetwork(19, 1, 'region')(torch.rand(1, 19, 512, 1024))
    assert region.shape == (1, 1, 64, 128)


def test_strides_are_configurable():
    assert tiny('region', strides=(2, 2, 1, 1, 1))(torch.rand(1, 6, 64, 64)).shape[2:] == (16, 16)
    with pytest.raises(JointError, match='strides'):
        tiny('pixel', strides=(2, 2))
    with pytest.raises(JointError, match=r'level is .scene.: choose one of pixel, region, image'):
        tiny('scene')
