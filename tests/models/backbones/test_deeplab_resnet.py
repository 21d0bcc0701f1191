from __future__ import annotations

import torch
from mmseg.models.backbones import ResNet

from mmseg_joint.models import DeepLabResNet

CONFIG = dict(
    depth=50,
    base_channels=4,
    stem_channels=4,
    strides=(1, 2, 1, 1),
    dilations=(1, 1, 2, 4),
    style='caffe',
    norm_cfg=dict(type='BN', requires_grad=False),
    norm_eval=False,
)


def test_only_the_pooling_differs_from_mmsegs_resnet():
    torch.manual_seed(0)
    ours, theirs = DeepLabResNet(**CONFIG), ResNet(**CONFIG)
    theirs.load_state_dict(ours.state_dict())  # the same names
    odd = torch.randn(1, 3, 65, 97)  # sizes at which both poolings agree
    for a, b in zip(ours(odd), theirs(odd)):
        assert torch.equal(a, b)


def test_sizes_are_rounded_up_at_stride_8():
    sizes = [tuple(x.shape[2:]) for x in DeepLabResNet(**CONFIG)(torch.randn(1, 3, 720, 80))]
    assert sizes == [(181, 21), (91, 11), (91, 11), (91, 11)]


def test_affine_parameters_are_frozen_while_statistics_move():
    model = DeepLabResNet(**CONFIG)
    model.train()
    before = model.bn1.running_mean.clone()
    model(torch.randn(2, 3, 32, 32))
    assert not model.bn1.weight.requires_grad and not model.layer4[0].bn3.bias.requires_grad
    assert not torch.equal(model.bn1.running_mean, before)
