import copy

import torch
from torch import nn
from torch.nn import functional as F

from mmseg_joint.models.backbones.float32_depthwise import run_depthwise_in_float32


def network():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 2, 1))
    run_depthwise_in_float32(net)
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


def test_a_copy_runs_with_its_own_weights():
    net, images = network(), torch.randn(2, 3, 9, 9)
    copied = copy.deepcopy(net)
    with torch.no_grad():
        net[1].weight.zero_()
    assert not torch.equal(copied(images), net(images))
