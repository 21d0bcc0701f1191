"""Up-sampling is torch's own, backward too."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from mmseg_joint.models.bilinear import enlarge


@pytest.mark.parametrize(
    'small, large',
    [
        ((4, 7), (128, 224)),
        ((4, 7), (61, 50)),
        ((1, 3), (5, 96)),
        ((5, 6), (5, 3)),
        ((1,) * 2,) * 2,
    ],
)
@pytest.mark.parametrize('dtype, tolerance', [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_value_and_gradient(small, large, dtype, tolerance):
    ours = torch.randn(2, 3, *small, dtype=dtype).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    got = enlarge(ours, large)
    expected = F.interpolate(theirs, size=large, mode='bilinear', align_corners=False)
    assert torch.equal(got, expected)
    noise = torch.randn_like(got)
    got.backward(noise)
    expected.backward(noise)
    atol = tolerance * theirs.grad.abs().max().item()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=atol)


def test_gradient_of_a_part_of_concatenated_maps_channels_last():
    ours = torch.randn(2, 3, 4, 7, dtype=torch.float64).to(memory_format=torch.channels_last)
    theirs = ours.clone().requires_grad_()
    ours.requires_grad_()
    noise = torch.randn(2, 8, 12, 9, dtype=torch.float64).to(memory_format=torch.channels_last)
    enlarge(ours, (12, 9)).backward(noise[:, 2:5])
    F.interpolate(theirs, size=(12, 9), mode='bilinear').backward(noise[:, 2:5])
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert ours.grad.is_contiguous(memory_format=torch.channels_last)


def test_in_half_precision():
    maps = torch.randn(1, 2, 3, 4).bfloat16().requires_grad_()
    with torch.autocast('cpu', torch.bfloat16):
        enlarge(maps, (96, 128)).float().sum().backward()
    # the shares of a pixel sum to 1, so each number counts as often as it is enlarged
    torch.testing.assert_close(maps.grad, torch.full_like(maps, 32.0 * 32), rtol=0.01, atol=0)
