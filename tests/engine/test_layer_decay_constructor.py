from __future__ import annotations

import re

import pytest
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS
from torch import nn

from mmseg_joint.errors import JointError
from tests.tiny import MODEL

BACKBONE = dict(
    type='TimmBackbone',
    model_name='vit_small_patch14_reg4_dinov2',
    out_indices=(1, 3),
    depth=4,
    embed_dim=16,
    num_heads=2,
    dynamic_img_size=True,
)


def groups(gamma, backbone=BACKBONE, **paramwise_cfg):
    """Parameter's name → its group."""
    net = nn.Module()
    net.backbone = MODELS.build(backbone)
    net.decode_head = nn.Conv2d(3, 4, 1)
    config = dict(
        constructor='JointOptimWrapperConstructor',
        segmentor=dict(
            optimizer=dict(type='AdamW', lr=1.0, weight_decay=0.5),
            constructor='LayerDecayConstructor',
            paramwise_cfg=dict(layer_decay=gamma, **paramwise_cfg),
        ),
    )
    names = {id(value): name for name, value in net.named_parameters()}
    optimizer = build_optim_wrapper(net, config)['segmentor'].optimizer
    return {names[id(group['params'][0])]: group for group in optimizer.param_groups}


@pytest.mark.timm
def test_each_layer_has_the_papers_rate():
    found = groups(0.5)
    assert len(found) > 50
    for name, group in found.items():
        layer = 0  # patches, positions, class and register tokens
        if name.startswith('decode_head'):
            layer = 5
        elif block := re.search(r'blocks\.(\d)\.', name):
            layer = 1 + int(block[1])
        assert group['lr'] == pytest.approx(0.5 ** (5 - layer)), name


@pytest.mark.timm
def test_it_multiplies_what_the_other_keys_say():
    plain = groups(1.0, norm_decay_mult=0.0, custom_keys=dict(decode_head=dict(lr_mult=10.0)))
    decayed = groups(0.5, norm_decay_mult=0.0, custom_keys=dict(decode_head=dict(lr_mult=10.0)))
    norm = 'backbone.timm_model.model.blocks.2.norm1.weight'
    assert (plain[norm]['lr'], decayed[norm]['lr']) == (1.0, 0.25)
    assert plain[norm]['weight_decay'] == decayed[norm]['weight_decay'] == 0
    assert decayed['decode_head.weight']['lr'] == 10


@pytest.mark.timm
def test_the_frozen_backbone_is_left_out():
    assert list(groups(0.5, dict(BACKBONE, frozen=True))) == [
        'decode_head.weight',
        'decode_head.bias',
    ]


@pytest.mark.parametrize('gamma', [None, 0, 1.5, 'x'])
def test_a_decay_out_of_range_is_refused(gamma):
    with pytest.raises(JointError, match=r'layer_decay is .*above 0 and up to 1'):
        groups(gamma, MODEL['backbone'])


def test_another_backbone_is_refused():
    with pytest.raises(JointError, match='needs a TimmBackbone with a vision transformer'):
        groups(0.5, MODEL['backbone'])
