"""Public code of AdaptSegNet and ADVENT lists most backbone parameters several times in its SGD."""

from __future__ import annotations

import warnings

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS, OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from tests.tiny_configs import ROOT, shrink

CONFIGS = (
    'adaptsegnet_deeplabv2_gta_city',
    'advent_multi_deeplabv2_gta_city',
    'maxsquare_deeplabv2_gta_city',
)


def public_list(backbone):
    """For every module within a part of the backbone, all its parameters, as the code collects."""
    parts = [backbone.conv1, *(getattr(backbone, f'layer{i}') for i in range(1, 5))]
    return [p for part in parts for module in part.modules() for p in module.parameters()]


def moved_in_a_step(times: int, lr: float) -> float:
    """How far SGD with momentum .9 finally moves a weight with gradient 1, listed `times` times."""
    weight = nn.Parameter(torch.zeros((), dtype=torch.float64))
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        optimizer = torch.optim.SGD([weight] * times, lr=lr, momentum=0.9, foreach=False)
    for _ in range(300):
        before = weight.item()
        weight.grad = torch.ones_like(weight)
        optimizer.step()
    return before - weight.item()


@pytest.mark.parametrize('stem', CONFIGS)
def test_one_value_moves_the_backbone_as_fast_as_the_public_code(stem):
    cfg = Config.fromfile(ROOT / f'configs/{stem}.py')
    key = 'optim_wrapper.segmentor.paramwise_cfg.custom_keys.backbone.lr_mult'
    cfg.merge_from_dict({key: 3.0})
    cfg.model.objectives = None
    shrink(cfg.model, {})
    cfg.model.decode_head.in_channels = 32
    if cfg.model.get('auxiliary_head'):
        cfg.model.auxiliary_head.in_channels = 16
    model = MODELS.build(cfg.model)
    wanted = {key: cfg.optim_wrapper[key] for key in ('type', 'segmentor')}
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.build(
        dict(type='JointOptimWrapperConstructor', optim_wrapper_cfg=wanted)
    )
    groups = constructor(model)['segmentor'].optimizer.param_groups
    rates = {id(p): group['lr'] for group in groups for p in group['params']}
    listed = [id(p) for p in public_list(model.backbone)]
    names = {name: p for name, p in model.backbone.named_parameters() if 'conv' in name}
    counted = {name: listed.count(id(p)) for name, p in names.items()}
    blocks = {name: n for name, n in counted.items() if name.startswith('layer')}
    assert counted['conv1.weight'] == 1 and set(blocks.values()) == {3}
    assert listed.count(id(model.backbone.layer2[0].downsample[0].weight)) == 4
    (rate,) = {rates[id(names[name])] for name in blocks}
    assert moved_in_a_step(1, rate) == pytest.approx(moved_in_a_step(3, 2.5e-4), rel=1e-9)
    head = next(model.decode_head.parameters())
    assert rates[id(head)] / rate == pytest.approx(10 / 3)
