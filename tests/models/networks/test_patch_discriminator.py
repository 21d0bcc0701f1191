from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

ADAPTSEGNET = {
    'in_channels': 19,
    'channels': (64, 128, 256, 512),
    'kernel_size': 4,
    'negative_slope': 0.2,
}


def build(**kwargs):
    torch.manual_seed(0)
    return MODELS.build({'type': 'PatchDiscriminator', **kwargs})


@pytest.mark.parametrize(
    ('kwargs', 'count', 'slope'),
    [({'channels': (4, 5, 6, 7, 8, 9)}, 7, 0.01),
     ({**ADAPTSEGNET, 'in_channels': 3, 'channels': (4, 5, 6, 7)}, 5, 0.2)],
)  # fmt: skip
def test_value_and_gradient(kwargs, count, slope):
    net = build(**kwargs).double()
    x = torch.randn(2, 3, 65, 130, dtype=torch.float64, requires_grad=True)
    y = x
    for i, conv in enumerate(net.convs):
        y = F.conv2d(y, conv.weight, conv.bias, 2, 1)
        y = torch.where(y > 0, y, slope * y) if i + 1 < count else y
    ours = net(x)
    torch.testing.assert_close(ours, y, rtol=0, atol=1e-12)
    wrt = [x, *net.parameters()]
    for a, b in zip(*(torch.autograd.grad(out.square().sum(), wrt) for out in (ours, y))):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_the_papers_networks():
    hrs = build()
    assert [tuple(conv.weight.shape[:2]) for conv in hrs.convs] == [
        (64, 3), (128, 64), (256, 128), (512, 256), (512, 512), (512, 512), (1, 512)
    ]  # fmt: skip
    assert hrs(torch.rand(1, 3, 256, 300)).shape == (1, 1, 2, 3)
    adaptsegnet = build(**ADAPTSEGNET)
    # 19·64, 64·128, 128·256, 256·512 and 512·1 kernels of 16 numbers, and 961 biases.
    assert sum(p.numel() for p in adaptsegnet.parameters()) == 16 * 173_760 + 961
    assert adaptsegnet(torch.rand(1, 19, 64, 96)).shape == (1, 1, 2, 3)


def test_small_images_give_one_patch():
    assert build()(torch.rand(1, 3, 3, 5)).shape == (1, 1, 1, 1)
    assert build(**ADAPTSEGNET)(torch.rand(1, 19, 3, 5)).shape == (1, 1, 1, 1)


@pytest.mark.parametrize('width', [40, 64])  # the last convolutions read maps one pixel wide
def test_narrow_images_train_in_bfloat16(width):
    """oneDNN leaves gradients unwritten there: the contents of freed memory would come through."""
    net = build(channels=(4, 4, 4, 4, 4, 4))
    x = torch.randn(2, 3, 96, width)
    exact = torch.autograd.grad(net(x).sum(), list(net.parameters()))
    for _ in range(10):
        with torch.autocast('cpu', dtype=torch.bfloat16):
            out = net(x).float()
        _fill_freed_memory_with_nan()
        for got, expected in zip(torch.autograd.grad(out.sum(), list(net.parameters())), exact):
            torch.testing.assert_close(got, expected, rtol=0, atol=0.3 * expected.abs().max())


def _fill_freed_memory_with_nan():
    blocks = [torch.full((2**power,), torch.nan) for power in range(4, 16) for _ in range(8)]
    del blocks
