"""One training step, with all that it computed."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Step(NamedTuple):
    """Args: values for the log; gradients; parameters and buffers after the step. On the CPU."""

    log: dict[str, float]
    gradients: dict[str, Tensor]
    state: dict[str, Tensor]


def one_step(model: nn.Module, optim_wrapper: Any, data: dict) -> Step:
    with optim_wrapper.optim_context(model):
        losses = model.loss(**model.data_preprocessor(copy.deepcopy(data), training=True))
        total, log = model.parse_losses(losses)
    for name, loss in losses.items():  # autocast or not
        assert 'loss' not in name or loss.dtype in (torch.float32, torch.float64), name
    optim_wrapper.backward(total)
    gradients = {
        name: value.grad.detach().cpu().clone()
        for name, value in model.named_parameters()
        if value.grad is not None
    }
    optim_wrapper.step()
    optim_wrapper.zero_grad()
    state = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    return Step({name: float(value) for name, value in log.items()}, gradients, state)


def assert_same(got: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float) -> None:
    """Equal up to a tolerance relative to each tensor's largest value."""
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(
            got[name],
            value,
            rtol=0,
            atol=tolerance * _largest(value) + 1e-300,
            check_dtype=False,
            msg=name,
        )


def without_cancelled(values: dict[str, Tensor], gradients: dict[str, Tensor]) -> dict[str, Tensor]:
    """The values of parameters whose gradient is more than rounding.

    That of a bias before an instance norm is a sum that cancels: of 1, float64 leaves some 1e-15,
    on each device another, which Adam enlarges.
    """
    cancelled = {
        name
        for name, value in gradients.items()
        if name.endswith('.bias')
        and _largest(value) < 1e-12 * _largest(gradients[name[: -len('bias')] + 'weight'])
    }
    return {name: value for name, value in values.items() if name not in cancelled}


def _largest(value: Tensor) -> float:
    return value.abs().max().item() if value.numel() else 0.0


def assert_same_log(got: dict[str, float], expected: dict[str, float], tolerance: float) -> None:
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        assert abs(got[name] - value) <= tolerance * max(abs(value), 1e-6), (name, got[name], value)
