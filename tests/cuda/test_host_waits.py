"""CUDA itself sees no call of ours for which the host waits."""

from __future__ import annotations

import pytest
import torch

from mmseg_joint.benchmark.host_waits import count_waits
from mmseg_joint.errors import JointError
from tests.objective_cases import CASES


@pytest.mark.parametrize('name', CASES)
def test_nothing_of_ours_waits(name, device):
    case = CASES[name]
    model = case.build().to(device).train()
    wrapper = case.optim_wrapper(model)
    data = case.batch()
    for _ in range(2):
        model.train_step(data, wrapper)
    found = count_waits(lambda: model.train_step(data, wrapper))
    if device.type == 'cpu':
        assert found is None  # tests/models/segmentors/test_host_waits.py counts there
        return
    assert found, 'mmseg counts labeled pixels'
    assert not [place for place in found if place.startswith('mmseg_joint ')], found


def test_nan_stops_a_step_before_it_is_made(device):
    case = CASES['hrs_weighting']
    model = case.build().to(device).train()
    with torch.no_grad():
        model.decode_head.score_pool3.bias.fill_(torch.nan)
    before = {name: value.clone() for name, value in model.named_parameters()}
    with pytest.raises(JointError, match=r'The loss is nan \(source\.decode\.loss_ce'):
        model.train_step(case.batch(), case.optim_wrapper(model))
    for name, value in model.named_parameters():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0, equal_nan=True)
