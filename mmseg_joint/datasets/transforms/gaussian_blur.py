from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from PIL import Image, ImageFilter

from mmseg_joint.errors import JointError
from mmseg_joint.utils.numbers import check_share


@TRANSFORMS.register_module()
class RandomGaussianBlur(BaseTransform):
    """Randomly blurs an image with Pillow's blur, with which published numbers were obtained.

    A standard deviation below one pixel takes effect as given: Pillow's blur widens an edge by that
    much, while a sampled Gaussian (OpenCV's) does nothing at all below 0.25 and too little up to
    0.5. Labels are not changed.

    Required keys: ``img`` (H, W, 3) or (H, W), uint8. Modified keys: ``img``.

    Args:
        prob: Probability that an image is blurred.
        radius: Range from which the standard deviation of the blur is drawn, in pixels.

    Raises:
        JointError: When a value is out of range; in use, if an image is not 8-bit.
    """

    def __init__(self, prob: float = 0.5, radius: Sequence[float] = (0.0, 1.0)) -> None:
        check_share('RandomGaussianBlur.prob', prob)
        if len(radius) != 2 or not 0 <= radius[0] <= radius[1]:
            raise JointError(
                f'RandomGaussianBlur.radius is {radius}: give the smallest and the largest '
                'standard deviation in pixels.'
            )
        self.prob = prob
        self.radius = radius[0], radius[1]

    def transform(self, results: dict) -> dict:
        """Blur ``results['img']`` with probability ``prob``."""
        # numpy's global generator, which JointDataset seeds for every sample
        if np.random.rand() >= self.prob:
            return results
        radius = np.random.uniform(*self.radius)
        image = results['img']
        if image.dtype != np.uint8:
            raise JointError(
                f'RandomGaussianBlur got an image of {image.dtype}: load it with '
                'to_float32=False, and blur before any step that makes it a float.'
            )
        results['img'] = np.array(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))
        return results
