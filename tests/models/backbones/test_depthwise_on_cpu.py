import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmseg_joint.models.backbones.depthwise_on_cpu import speed_up_depthwise


def network():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 2, 1))
    speed_up_depthwise(net)
    return net


def gradients(net, loss):
    return torch.autograd.grad(loss, list(net.parameters()))


def test_mixed_precision_rounds_around_a_depthwise_convolution_not_inside():
    net, images = network(), torch.randn(2, 3, 9, 9)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = net(images)
        before = net[0](images)
    weight, bias = net[1].weight, net[1].bias
    exact = F.conv2d(before.float(), weight, bias, groups=8).bfloat16()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        expected = net[2](exact)
        rounded = net[2](F.conv2d(before, weight, bias, groups=8))
    assert torch.equal(found, expected)
    assert not torch.equal(found, rounded)  # what autocast alone gives
    for ours, theirs in zip(
        gradients(net, found.float().square().sum()),
        gradients(net, expected.float().square().sum()),
    ):
        assert torch.equal(ours, theirs)


def test_other_precisions_and_layers_are_left_alone():
    net, images = network(), torch.randn(2, 3, 9, 9)
    assert [type(layer) is nn.Conv2d for layer in net] == [True, False, True]
    plain = F.conv2d(net[0](images), net[1].weight, net[1].bias, groups=8)
    assert torch.equal(net[1](net[0](images)), plain)
    net.double()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert net[1](torch.randn(1, 8, 4, 4, dtype=torch.double)).dtype == torch.double


@pytest.mark.parametrize('kernel, padding', [(5, 2), ((3, 7), (0, 4)), (5, 0)])
@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('bias', [True, False])
def test_wide_kernels_have_their_own_gradient(kernel, padding, memory_format, bias):
    torch.manual_seed(0)
    plain = nn.Conv2d(6, 6, kernel, padding=padding, groups=6, bias=bias).double()
    plain.to(memory_format=memory_format)
    ours = copy.deepcopy(plain)
    speed_up_depthwise(ours)
    images = torch.randn(3, 6, 7, 8, dtype=torch.double).to(memory_format=memory_format)
    images.requires_grad_()
    found, expected = ours(images), plain(images)
    assert '_Depthwise' in _names_of_graph(found)
    torch.testing.assert_close(found, expected)
    noise = torch.randn_like(found)
    for own, theirs in zip(
        torch.autograd.grad(found, [images, *ours.parameters()], noise),
        torch.autograd.grad(expected, [images, *plain.parameters()], noise),
    ):
        torch.testing.assert_close(own, theirs)


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_wide_kernels_in_mixed_precision(dtype):
    torch.manual_seed(0)
    ours = nn.Conv2d(6, 6, 5, padding=2, groups=6)
    speed_up_depthwise(ours)
    plain = copy.deepcopy(ours).double()
    images = torch.randn(2, 6, 9, 8).to(dtype).requires_grad_()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = ours(images)
        assert found.dtype == torch.bfloat16
        own = torch.autograd.grad(found.float().sum(), [images, *ours.parameters()])
    exact = images.detach().double().requires_grad_()
    expected = plain(exact)
    torch.testing.assert_close(found.double(), expected, rtol=1e-2, atol=1e-3)
    for value, theirs in zip(
        own, torch.autograd.grad(expected.sum(), [exact, *plain.parameters()])
    ):
        torch.testing.assert_close(value.double(), theirs, rtol=1e-2, atol=1e-5)


@pytest.mark.parametrize(
    'changed',
    [
        dict(stride=2),
        dict(dilation=2),
        dict(padding='same'),
        dict(padding=2, padding_mode='reflect'),
        dict(out_channels=12),
        dict(groups=2),
    ],
)
def test_other_forms_of_wide_kernels_are_left_to_torch(changed):
    arguments = {**dict(in_channels=6, out_channels=6, kernel_size=5, groups=6), **changed}
    plain = nn.Conv2d(**arguments)
    ours = copy.deepcopy(plain)
    speed_up_depthwise(ours)
    images = torch.randn(2, 6, 12, 13)
    assert torch.equal(ours(images), plain(images))
    assert '_Depthwise' not in _names_of_graph(ours(images))


def _names_of_graph(result):
    """The names of the functions behind a result, in a row."""
    found, todo = [], [result.grad_fn]
    while todo:
        node = todo.pop()
        found.append(type(node).__name__)
        todo += [parent for parent, _ in node.next_functions if parent is not None]
    return ' '.join(found)


def test_a_copy_runs_with_its_own_weights():
    net, images = network(), torch.randn(2, 3, 9, 9)
    copied = copy.deepcopy(net)
    with torch.no_grad():
        net[1].weight.zero_()
    assert not torch.equal(copied(images), net(images))
