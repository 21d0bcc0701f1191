from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import spectral_norm as old_spectral_norm
from torch.nn.utils.parametrizations import spectral_norm

from mmseg_joint.models.objectives import call_frozen, call_together


def network(norm=spectral_norm):
    torch.manual_seed(0)
    return nn.Sequential(
        norm(nn.Conv2d(3, 4, 3)), nn.BatchNorm2d(4), nn.ReLU(), norm(nn.Conv2d(4, 2, 3))
    ).double()


@pytest.mark.parametrize('norm', [spectral_norm, old_spectral_norm])
@pytest.mark.parametrize('training', [True, False])
def test_nothing_of_the_network_is_touched(norm, training):
    net = network(norm).train(training)
    if not training:
        net.train()(torch.rand(2, 3, 9, 9, dtype=torch.float64))  # averages other than the first
        net.eval()
    before = copy.deepcopy(net.state_dict())
    x = torch.rand(2, 3, 9, 9, dtype=torch.float64, requires_grad=True)
    call_frozen(net, x).square().sum().backward()
    assert all(parameter.grad is None for parameter in net.parameters())
    for name, value in before.items():
        assert torch.equal(net.state_dict()[name], value), name

    live = x.detach().clone().requires_grad_()
    net(live).square().sum().backward()  # the same values, with the same gradient for the input
    torch.testing.assert_close(x.grad, live.grad, rtol=1e-12, atol=1e-14)
    assert all(parameter.grad is not None for parameter in net.parameters())
    moved = {n for n, v in before.items() if not torch.equal(net.state_dict()[n], v)}
    assert ('1.running_mean' in moved) == training  # so a live call would have touched something


def test_a_live_call_in_the_same_step_is_what_it_would_be_alone():
    alone, beside = network(), network()
    x = torch.rand(2, 3, 9, 9, dtype=torch.float64)
    alone(x).sum().backward()
    (
        call_frozen(beside, x).square().sum() + beside(x).sum() + call_frozen(beside, x).sum()
    ).backward()
    for one, other in zip(alone.parameters(), beside.parameters()):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-12, atol=1e-14)
    for (name, one), other in zip(alone.state_dict().items(), beside.state_dict().values()):
        assert torch.equal(one, other), name


@pytest.mark.parametrize('frozen', [False, True])
@pytest.mark.parametrize('sizes', [((5, 7), (5, 7)), ((5, 7), (6, 4))])
@pytest.mark.parametrize('norm', [nn.BatchNorm2d, nn.Identity])
def test_several_batches_in_one_call_get_what_they_would_get_alone(frozen, sizes, norm):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), norm(4), nn.Tanh(), nn.Conv2d(4, 2, 1)).double()
    parts = [torch.randn(n, 3, *size).double() for n, size in zip((2, 3), sizes)]
    calls = []
    net[0].register_forward_hook(lambda *_: calls.append(1))
    got = call_together(net, *parts, frozen=frozen)
    together = norm is nn.Identity and sizes[0] == sizes[1]
    assert len(calls) == (1 if together else 2)
    wanted = [call_frozen(net, part) if frozen else net(part) for part in parts]
    for ours, theirs in zip(got, wanted):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    if not frozen:
        ours, theirs = (
            torch.autograd.grad(sum(x.sum() for x in xs), net[0].weight)[0] for xs in (got, wanted)
        )
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
