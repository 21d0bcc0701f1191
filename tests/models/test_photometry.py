from __future__ import annotations

import colorsys
from math import exp

import pytest
import torch

from mmseg_joint.errors import JointError
from mmseg_joint.models.photometry import ColorChange, blur, jitter_color


def random_images(seed=0, size=(6, 7)):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(2, 3, *size, generator=generator, dtype=torch.float64)
    images[0, :, 0] = 0.3  # gray
    images[1, :, 1] = torch.tensor([1.0, 0.0, 0.0]).view(3, 1)
    return images


def by_hand(image, brightness, contrast, saturation, hue):
    """Pixel by pixel, with Python's own color spaces."""

    def clip(x):
        return min(max(x, 0.0), 1.0)

    def gray(pixel):
        return 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]

    pixels = [[clip(brightness * x) for x in pixel] for pixel in image.flatten(1).T.tolist()]
    mean = sum(map(gray, pixels)) / len(pixels)
    pixels = [[clip(contrast * x + (1 - contrast) * mean) for x in pixel] for pixel in pixels]
    pixels = [
        [clip(saturation * x + (1 - saturation) * gray(pixel)) for x in pixel] for pixel in pixels
    ]
    pixels = [colorsys.rgb_to_hsv(*pixel) for pixel in pixels]
    pixels = [colorsys.hsv_to_rgb((h + hue) % 1, s, v) for h, s, v in pixels]
    return torch.tensor(pixels, dtype=torch.float64).T.view_as(image)


def test_color():
    images = random_images()
    factors = torch.tensor([[1.2, 0.8, 1.2, -0.2], [0.8, 1.2, 0.85, 0.13]], dtype=torch.float64)
    got = jitter_color(images, factors)
    for image, result, values in zip(images, got, factors.tolist()):
        torch.testing.assert_close(result, by_hand(image, *values), rtol=1e-9, atol=1e-9)
    same = torch.tensor([[1.0, 1.0, 1.0, 0.0]] * 2, dtype=torch.float64)
    torch.testing.assert_close(jitter_color(images, same), images, rtol=1e-12, atol=1e-12)


def test_blur():
    images, sigmas = random_images(), torch.tensor([1.15, 0.0], dtype=torch.float64)
    got = blur(images, sigmas)
    torch.testing.assert_close(got[1], images[1])
    weights = [exp(-(k**2) / (2 * 1.15**2)) for k in range(-4, 5)]
    height, width = images.shape[2:]

    def at(index, size):
        index = -index if index < 0 else index
        return 2 * (size - 1) - index if index >= size else index

    for y, x in ((0, 0), (3, 2), (5, 6)):
        total = sum(
            weights[i] * weights[j] * images[0, :, at(y + i - 4, height), at(x + j - 4, width)]
            for i in range(9)
            for j in range(9)
        )
        torch.testing.assert_close(got[0, :, y, x], total / sum(weights) ** 2)


def test_mixed_precision_does_not_round_the_blurred_images():
    images, sigmas = random_images().float(), torch.tensor([1.15, 0.0])
    with torch.autocast('cpu', torch.bfloat16):
        got = blur(images, sigmas)
    assert torch.equal(got, blur(images, sigmas))


@pytest.mark.parametrize('red_first', [True, False])
@pytest.mark.parametrize('gray', [0.0, 0.3])
def test_color_and_sharpness_change_as_drawn(red_first, gray):
    change = ColorChange(gray_probability=gray)
    images = 2 * torch.rand(300, 3, 6, 8).double() - 1
    torch.manual_seed(5)
    got = change(images, red_first)
    torch.manual_seed(5)
    spans = 0.2 * (2 * torch.rand(300, 4, dtype=torch.float64) - 1)
    spans = spans * (torch.rand(300, 1, dtype=torch.float64) < 0.8)
    sigmas = 0.15 + torch.rand(300, dtype=torch.float64)
    sigmas = sigmas * (torch.rand(300, dtype=torch.float64) < 0.5)
    red = images if red_first else images.flip(1)
    wanted = jitter_color(red / 2 + 0.5, spans + torch.tensor([1.0, 1, 1, 0]))
    if gray:
        grays = torch.einsum('nchw,c->nhw', wanted, wanted.new_tensor([0.299, 0.587, 0.114]))
        chosen = torch.rand(300, dtype=torch.float64) < gray
        assert 0.2 < chosen.double().mean() < 0.4
        wanted[chosen] = grays[chosen][:, None].expand(-1, 3, -1, -1)
    wanted = blur(wanted, sigmas) * 2 - 1
    torch.testing.assert_close(got, wanted if red_first else wanted.flip(1))
    if not gray:
        same = (got - images).abs().flatten(1).amax(1) < 1e-6
        assert 0.05 < same.double().mean() < 0.16  # .2 × .5
    assert got.abs().max() <= 1 + 1e-9


@pytest.mark.parametrize(
    'wrong',
    [
        dict(jitter=(0.1, 0.1, 0.1)),
        dict(jitter=(0.1, 0.1, 0.1, -0.1)),
        dict(jitter=(0.1, 1.1, 0.1, 0.1)),  # a contrast below 0 would be a negative of the image
        dict(sigma=(0.1, 1.0, 2.0)),
        dict(sigma=(-0.1, 1.0)),
        dict(sigma=(2.0, 1.0)),
        dict(jitter_probability=-0.1),
        dict(gray_probability=1.1),
        dict(blur_probability=2),
    ],
)
def test_refused_values(wrong):
    (name,) = wrong
    with pytest.raises(JointError, match=rf'colors\.{name} is '):
        ColorChange(**wrong)


def test_the_blur_is_cut_off_at_three_times_its_largest_sigma():
    change = ColorChange(jitter_probability=0.0, sigma=(2.0, 2.0), blur_probability=1.0)
    point = torch.full((1, 3, 17, 17), -1.0).double()
    point[:, :, 8, 8] = 1.0
    reached = (change(point, True)[0, 0] > -1 + 1e-9).nonzero()
    assert (reached.amin(0).tolist(), reached.amax(0).tolist()) == ([2, 2], [14, 14])


def test_no_jitter_and_no_blur_change_nothing():
    images = 2 * random_images() - 1
    still = ColorChange(jitter=(0, 0, 0, 0), sigma=(0, 0), blur_probability=1.0)
    torch.testing.assert_close(still(images, True), images)
