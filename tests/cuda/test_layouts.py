"""What saves memory or time changes no number; the doctor's estimate is what is measured."""

from __future__ import annotations

import pytest
import torch
from mmengine.runner.activation_checkpointing import turn_on_activation_checkpointing

from mmseg_joint.doctor.cost import state_bytes
from mmseg_joint.utils.unwrapped import optimizers_of
from tests.cuda.steps import assert_same, assert_same_log, one_step
from tests.objective_cases import CASES

CHOSEN = 'hrs_weighting', 'ga', 'adaptsegnet_two_levels'


def _checkpointed(model):
    turn_on_activation_checkpointing(model, ['backbone.stages.1', 'backbone.stages.2'])


def step(case, device, change=None, **values):
    model = case.build(**values)
    model.load_state_dict(case.build().state_dict())  # weights are drawn in their own layout
    model.double().to(device).train()
    if change is not None:
        change(model)
    return one_step(model, case.optim_wrapper(model), case.batch(size=(48, 64), count=2))


@pytest.mark.parametrize('name', CHOSEN)
@pytest.mark.parametrize(
    ('values', 'change'),
    [
        (dict(channels_last=True), None),
        (dict(sequential_domains=True), None),
        ({}, _checkpointed),
    ],
    ids=['channels-last', 'a domain at a time', 'activation checkpointing'],
)
def test_numbers_stay(name, values, change, device):
    case = CASES[name]
    if change is not None and case.model is not None:
        pytest.skip('a checkpointed batch norm moves its running averages twice')
    apart = dict(merge_domains=False) if values != dict(channels_last=True) else {}
    expected = step(case, device, **apart)
    got = step(case, device, change, **values)
    assert_same_log(got.log, expected.log, 1e-9)
    assert_same(got.gradients, expected.gradients, 1e-9)
    assert_same(got.state, expected.state, 1e-9)


def test_channels_last_reaches_the_convolutions(device):
    seen = []
    model = CASES['ga'].build(channels_last=True).to(device).train()
    for module in model.backbone.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(
                lambda module, args, out: seen.append(
                    out.is_contiguous(memory_format=torch.channels_last)
                )
            )
    model.loss(**model.data_preprocessor(CASES['ga'].batch(), training=True))
    assert seen and all(seen)


WIDE = dict(channels=(64, 128, 256, 256, 256), fc_channels=512, fc_kernel=3)


def test_the_doctors_memory_estimate(device):
    """Weights, gradients and optimizers, once a step has made them all."""
    case = CASES['hrs_weighting']
    backbone = dict(type='VGGEncoder', **WIDE)
    head = dict(
        type='FCN8sHead',
        in_channels=[3, 256, 256, 512],
        in_index=[0, 1, 2, 4],
        num_classes=5,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )
    torch.ones(8, 8, device=device) @ torch.ones(8, 8, device=device)  # cuBLAS takes its workspace
    before = torch.cuda.memory_allocated() if device.type == 'cuda' else 0
    model = case.build(backbone=backbone, decode_head=head).to(device).train()
    wrapper = case.optim_wrapper(model)
    data = model.data_preprocessor(case.batch(size=(32, 32)), training=True)
    wrapper.backward(model.parse_losses(model.loss(**data))[0])
    wrapper.step()
    del data
    parameters = list(model.parameters())
    weights = _bytes([*parameters, *model.buffers()])
    gradients = _bytes(value for value in parameters if value.requires_grad)
    states = sum(state_bytes(one) for one in optimizers_of(wrapper).values())
    if device.type == 'cuda':
        measured = torch.cuda.memory_allocated() - before
    else:
        kept = [v.grad for v in parameters if v.grad is not None]
        kept += [
            value
            for one in optimizers_of(wrapper).values()
            for state in one.state.values()
            for value in state.values()
        ]
        measured = weights + _bytes(kept)
    assert weights + gradients + states == pytest.approx(measured, rel=0.2)


def _bytes(tensors) -> int:
    return sum(value.numel() * value.element_size() for value in tensors)
