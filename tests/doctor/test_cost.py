from __future__ import annotations

import pytest
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmseg_joint.doctor.cost import show_memory
from mmseg_joint.doctor.report import Report


@pytest.mark.parametrize(
    ('optimizer', 'states'),
    [(dict(type='Adam'), 8.0), (dict(type='SGD', lr=1, momentum=0.9), 4.0),
     (dict(type='SGD', lr=1), 0.0)],
)  # fmt: skip
def test_memory_of_a_network_of_which_a_third_is_frozen(capsys, optimizer, states):
    model = nn.Sequential(nn.Linear(1000, 1000, bias=False), nn.Linear(1000, 500, bias=False))
    model[1].requires_grad_(False)
    show_memory(model, build_optim_wrapper(model, dict(optimizer=optimizer)), Report())
    said = capsys.readouterr().out
    assert '1.5 million, 6.0 MB with buffers' in said
    assert f' 1.00 million, {optimizer["type"]}' in said
    parts = f'weights 6.0 MB, gradients 4.0 MB, optimizers {states} MB'
    assert f'{10 + states} MB: {parts};' in said
    assert f'{6 + states} MB on the disk' in said
