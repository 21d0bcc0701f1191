from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from mmseg_joint.models.backbones import SqueezeNet


def reference(x, p):
    """SqueezeNet 1.1 as torchvision lays it out, from its parameters by name."""

    def conv(x, name, **kwargs):
        return F.relu(F.conv2d(x, p[f'{name}.weight'], p[f'{name}.bias'], **kwargs))

    outputs = []
    x = conv(x, 'features.0', stride=2)
    for index in range(2, 13):
        if index in (2, 5, 8):
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
            continue
        name = f'features.{index}'
        x = conv(x, f'{name}.squeeze')
        x = torch.cat([conv(x, f'{name}.expand1x1'), conv(x, f'{name}.expand3x3', padding=1)], 1)
        if index in (4, 7, 12):
            outputs.append(x)
    return outputs


def test_equals_torchvisions_layout_on_an_image_with_a_black_border():
    torch.manual_seed(0)
    net = SqueezeNet().double()
    net.init_weights()
    x = torch.randn(2, 3, 64, 96, dtype=torch.float64)
    expected = reference(F.pad(x, (1, 1, 1, 1)), net.state_dict())
    outputs = net(x)
    assert outputs[0] is x
    for output, wanted in zip(outputs[1:], expected):
        torch.testing.assert_close(output, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize('size', [(64, 96), (33, 47), (1, 7), (65, 2), (31, 129)])
def test_sizes_round_up(size):
    outputs = MODELS.build({'type': 'SqueezeNet'})(torch.randn(1, 3, *size))
    for output, stride, width in zip(outputs, (1, 4, 8, 16), (3, 128, 256, 512)):
        assert output.shape == (1, width, *(math.ceil(n / stride) for n in size))


def test_file_with_torchvisions_names_loads(tmp_path):
    source, path = SqueezeNet(), tmp_path / 'squeezenet1_1.pth'
    torch.save({**source.state_dict(), 'classifier.1.weight': torch.zeros(1)}, path)
    net = SqueezeNet(init_cfg={'type': 'Pretrained', 'checkpoint': str(path)})
    net.init_weights()
    for key, value in source.state_dict().items():
        assert torch.equal(value, net.state_dict()[key])
    assert 'features.12.expand3x3.weight' in source.state_dict()
    assert sum(p.numel() for p in net.parameters()) == 722_496


def test_gradients_are_finite_on_odd_sizes():
    net = SqueezeNet()
    sum(o.square().sum() for o in net(torch.randn(2, 3, 35, 51))[1:]).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize('size', [(5, 9), (4, 7), (1, 2)])
def test_pooling_windows_start_at_every_second_pixel(size):
    x = torch.rand(1, 2, *size)
    pooled = SqueezeNet().features[2](x)
    assert pooled.shape[2:] == tuple(math.ceil(n / 2) for n in size)
    for i in range(pooled.shape[2]):
        for j in range(pooled.shape[3]):
            window = x[..., 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            assert torch.equal(pooled[..., i, j], window.amax((2, 3)))
