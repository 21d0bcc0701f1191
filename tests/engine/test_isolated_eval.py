from __future__ import annotations

import random
from contextlib import suppress

import numpy as np
import pytest
import torch

from mmseg_joint.engine.isolated_eval import isolated_eval
from tests.tiny import HRS, build


def draw():
    return random.random(), np.random.rand(), torch.rand(()).item()


@pytest.mark.parametrize('fails', [False, True])
def test_generators_and_modes_are_as_before(fails):
    model = build(HRS)
    model.backbone.eval()  # frozen in a model that trains
    modes = [module.training for module in model.modules()]
    assert len(set(modes)) == 2
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    expected = [draw(), draw()]
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    assert draw() == expected[0]
    inside = []
    for _ in range(2):
        with suppress(KeyError), isolated_eval(model):
            assert not any(module.training for module in model.modules())
            assert not torch.is_grad_enabled()
            inside.append(draw())
            if fails:
                raise KeyError
    assert inside[0] == inside[1]
    assert draw() == expected[1]
    assert [module.training for module in model.modules()] == modes
    assert torch.is_grad_enabled()
