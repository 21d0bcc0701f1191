from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch

from mmseg_joint.engine.gradient_norms import gradient_norms
from mmseg_joint.errors import JointError
from tests.tiny import HRS, batch, build


def test_norms_are_those_of_one_backward_per_loss():
    model = build(HRS)
    found = gradient_norms(model, batch(), model.backbone)
    assert all(value.grad is None for value in model.parameters())
    reaching = {'source.decode.loss_ce', 'target.decode.loss_ce', 'gan.loss_encoder'}
    for name, norm in found.items():
        model.zero_grad()
        data = model.data_preprocessor(copy.deepcopy(batch()), training=True)
        model.loss(**data)[name].backward()
        gradients = [p.grad for p in model.backbone.parameters() if p.grad is not None]
        expected = sum(float(g.double().square().sum()) for g in gradients) ** 0.5
        assert norm == pytest.approx(expected, rel=1e-5)
        assert (norm > 0) == (name in reaching), name
    assert reaching < set(found)


def test_a_weight_scales_its_norm():
    weak, strong = (
        build(dict(HRS, gan=dict(HRS['gan'], encoder_weight=weight))) for weight in (0.001, 1.0)
    )
    strong.load_state_dict(weak.state_dict())
    name = 'gan.loss_encoder'
    norms = [gradient_norms(model, batch(), model.backbone)[name] for model in (weak, strong)]
    assert norms[1] == pytest.approx(1000 * norms[0], rel=1e-3)


def test_a_network_that_no_loss_reaches_has_norm_0():
    model = build(HRS)
    assert not any(gradient_norms(model, batch(), torch.nn.Conv2d(1, 1, 1)).values())


def test_lists_and_maps_of_losses():
    network = torch.nn.Linear(2, 1, bias=False)
    total = network.weight.sum()
    losses = {
        'loss_list': [total, 2 * total],
        'loss_map': network.weight * torch.tensor([[3.0, 4.0]]),
        'share': total,
    }
    model = SimpleNamespace(data_preprocessor=lambda *_, **__: {}, loss=lambda: losses)
    found = gradient_norms(model, {}, network)
    assert found == pytest.approx({'loss_list': 3 * 2**0.5, 'loss_map': 2.5})


def test_a_network_without_trained_weights_is_refused():
    model = build()
    model.backbone.requires_grad_(False)
    with pytest.raises(JointError, match='has no weight that is trained'):
        gradient_norms(model, batch(), model.backbone)
