"""A step of every objective is that of the CPU; half precision is near it."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS

from tests.cuda.steps import assert_same, assert_same_log, one_step, without_cancelled
from tests.objective_cases import CASES
from tests.tiny import HRS, HRS_OPTIMIZERS, batch, build

CPU = torch.device('cpu')


@pytest.fixture(autouse=True)
def _same_draws(monkeypatch):
    """Devices draw differently: noise is drawn on the CPU for both."""
    draw = torch.rand

    def uniform_(self, low=0.0, high=1.0, generator=None):
        generator = torch.Generator().manual_seed(self.numel())
        drawn = draw(self.shape, generator=generator, dtype=torch.float64)
        return self.copy_(low + (high - low) * drawn)

    def rand(*size, device=None, dtype=None, **kwargs):
        shape = torch.Size(size[0] if isinstance(size[0], (tuple, list)) else size)
        generator = torch.Generator().manual_seed(shape.numel())
        drawn = draw(shape, generator=generator, dtype=torch.float64)
        return drawn.to(device, dtype or torch.get_default_dtype())

    monkeypatch.setattr(torch.Tensor, 'uniform_', uniform_)
    monkeypatch.setattr(torch, 'rand', rand)


def step_on(case, device, precision, **values):
    model = case.build().to(precision).to(device).train()
    wrapper = case.optim_wrapper(model, **values)
    return one_step(model, wrapper, case.batch(size=(48, 64), count=2))


def _in_another_order(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A convolution that adds what the usual one adds, but rounds otherwise, as a GPU's does."""
    if groups > 1:
        return torch.conv2d(x, weight, bias, stride, padding, dilation, groups)
    return torch.conv2d(x.flip(0, 1), weight.flip(1), bias, stride, padding, dilation).flip(0)


@pytest.mark.parametrize('name', CASES)
def test_float64_is_the_cpus(name, device, monkeypatch):
    expected = step_on(CASES[name], CPU, torch.float64)
    if device == CPU:  # a rehearsal would compare a step with itself
        monkeypatch.setattr(F, 'conv2d', _in_another_order)
    got = step_on(CASES[name], device, torch.float64)
    assert_same_log(got.log, expected.log, 1e-9)
    for ours, theirs in ((got.gradients, expected.gradients), (got.state, expected.state)):
        kept = without_cancelled(theirs, expected.gradients)
        assert_same(without_cancelled(ours, got.gradients), kept, 1e-9)


@pytest.mark.parametrize('name', CASES)
def test_float32_is_the_cpus_up_to_rounding(name, device):
    expected = step_on(CASES[name], CPU, torch.float32)
    got = step_on(CASES[name], device, torch.float32)
    exact = step_on(CASES[name], CPU, torch.float64)
    assert_same_log(got.log, expected.log, 1e-4)
    # a gradient whose terms cancel is noise: the CPU's own rounding is the scale of what may differ
    for key, value in exact.gradients.items():
        scale = value.abs().max()
        noise = (expected.gradients[key] - value).abs().max()
        difference = (got.gradients[key] - value).abs().max()
        assert difference <= 1e-3 * scale + 20 * noise, (key, difference, noise, scale)


@pytest.mark.parametrize('name', CASES)
def test_bfloat16_is_near_float32(name, device):
    expected = step_on(CASES[name], device, torch.float32)
    got = step_on(CASES[name], device, torch.float32, dtype='bfloat16')
    assert got.gradients.keys() == expected.gradients.keys()
    for key, value in expected.log.items():
        if 'loss' in key:
            assert got.log[key] == pytest.approx(value, rel=0.05, abs=0.02), key
    for key, value in got.state.items():
        assert value.isfinite().all() and value.dtype == expected.state[key].dtype, key
    ours, theirs = (
        torch.cat([value.flatten().double() for value in step.gradients.values()])
        for step in (got, expected)
    )
    assert torch.cosine_similarity(ours, theirs, dim=0) > 0.9


def trained_in_half(device, overflow: str | None):
    """A step of HRS in float16; optionally with gradients of one network that overflow."""
    model = build(HRS).to(device).train()
    config = dict(copy.deepcopy(HRS_OPTIMIZERS), dtype='float16', loss_scale=1024.0)
    config.pop('constructor')
    wrapper = OPTIM_WRAPPER_CONSTRUCTORS.get('JointOptimWrapperConstructor')(config)(model)
    before = {name: value.detach().cpu().clone() for name, value in model.named_parameters()}
    if overflow:
        value = dict(model.named_parameters())[overflow]
        value.register_hook(lambda gradient: torch.full_like(gradient, torch.inf))
    step = one_step(model, wrapper, batch())
    moved = {name for name, value in before.items() if not torch.equal(value, step.state[name])}
    return wrapper, moved, set(before)


def test_float16_steps_every_network(device):
    wrapper, moved, names = trained_in_half(device, None)
    assert wrapper.loss_scaler.get_scale() == 1024
    for network in ('backbone', 'objectives.weighting', 'generator', 'discriminator'):
        assert any(network in name for name in moved), network
    assert len(moved) > 0.8 * len(names)


def test_an_overflow_skips_its_network_and_halves_the_scale_and_nothing_else(device):
    _, usual, _ = trained_in_half(device, None)
    overflow = 'objectives.gan.discriminator.convs.0.weight'
    wrapper, moved, names = trained_in_half(device, overflow)
    assert wrapper.loss_scaler.get_scale() == 512
    skipped = {name for name in names if name.startswith('objectives.gan.discriminator.')}
    assert overflow in skipped and not moved & skipped
    assert moved == usual - skipped
