from __future__ import annotations

import pytest
import torch
from mmseg.models.decode_heads import SegformerHead

from mmseg_joint.models.heads import FastSegformerHead

SIZES = [(11, 6), (7, 9), (3, 2), (1, 1)]


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    'kwargs', [{}, {'interpolate_mode': 'nearest', 'align_corners': None}, {'align_corners': True}]
)
def test_values_and_gradients_are_those_of_mmseg(memory_format, kwargs):
    torch.manual_seed(0)
    arguments = dict(in_channels=[3, 4, 5, 6], in_index=[0, 1, 2, 3], channels=4, num_classes=5)
    arguments.update(dropout_ratio=0.0, norm_cfg=dict(type='BN'), **kwargs)
    ours, theirs = FastSegformerHead(**arguments).double(), SegformerHead(**arguments).double()
    theirs.load_state_dict(ours.state_dict())
    maps = [torch.randn(2, c, *size).double() for c, size in zip((3, 4, 5, 6), SIZES)]
    maps = [part.to(memory_format=memory_format).requires_grad_() for part in maps]
    got, expected = ours(maps), theirs(maps)
    torch.testing.assert_close(got, expected)
    noise = torch.randn_like(got)
    for own, other in zip(
        torch.autograd.grad(got, [*maps, *ours.parameters()], noise),
        torch.autograd.grad(expected, [*maps, *theirs.parameters()], noise),
    ):
        torch.testing.assert_close(own, other)
