from __future__ import annotations

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_joint.errors import JointError


def scores():
    torch.manual_seed(0)
    shapes = {'pixel': (2, 5, 13, 17), 'region': (2, 5, 3, 4), 'image': (2, 5)}
    return {k: torch.randn(s, dtype=torch.float64, requires_grad=True) for k, s in shapes.items()}


@pytest.mark.parametrize('levels', [('pixel',), ('pixel', 'region', 'image')])
@pytest.mark.parametrize('domain', [0.0, 1.0])
def test_eq_1_by_value_and_gradient(domain, levels):
    loss = MODELS.build({'type': 'HierarchicalWeightLoss', 'loss_weight': 0.5})
    chosen = {level: scores()[level] for level in levels}
    value = loss(chosen, domain)
    expected = 0.5 * sum((m - domain).abs().sum().item() / m.numel() for m in chosen.values())
    assert value.item() == pytest.approx(expected, abs=1e-12)
    value.backward()
    for m in chosen.values():
        by_hand = 0.5 * torch.sign(m.detach() - domain) / m.numel()
        torch.testing.assert_close(m.grad, by_hand, rtol=0, atol=1e-15)


def test_half_precision_scores_are_summed_in_full():
    loss = MODELS.build({'type': 'HierarchicalWeightLoss'})
    value = loss({'pixel': torch.full((1, 1, 300, 300), 6e4, dtype=torch.float16)}, 0.0)
    assert value.dtype == torch.float32 and value == torch.tensor(6e4, dtype=torch.float16).float()


def test_extreme_scores_give_finite_gradients():
    loss = MODELS.build({'type': 'HierarchicalWeightLoss'})
    m = torch.tensor([[1e30, -1e30, 1.0]], requires_grad=True)
    loss({'image': m}, 1.0).backward()
    assert m.grad.isfinite().all()


def test_no_level_is_refused():
    with pytest.raises(JointError, match='levels'):
        MODELS.build({'type': 'HierarchicalWeightLoss'})({}, 0.0)
