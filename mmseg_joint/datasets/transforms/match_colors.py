from __future__ import annotations

from typing import Any

import cv2
import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import DATASETS, TRANSFORMS

from mmseg_joint.datasets.transforms.label_files import check_image, read_bytes
from mmseg_joint.errors import JointError
from mmseg_joint.utils.numbers import check_share


@TRANSFORMS.register_module()
class MatchColors(BaseTransform):
    """Gives an image the colors of a random image of another dataset.

    Mean and standard deviation of each channel in CIELAB become those of the other image ("Color
    Transfer between Images", Reinhard et al., 2001), as DDM (Chen et al., CVPR 2021) does with
    synthetic images. Put it right after image loading, where it sees the whole image.

    Required key: ``img``, BGR, ``uint8``. Modified key: ``img``.

    Args:
        like: Config of the dataset that provides the colors; its labels are not read.
        prob: Share of images that are changed.

    Raises:
        JointError: When the dataset is empty, or ``prob`` is not a probability; in use, if one of
            the images is missing, broken or truncated.
    """

    def __init__(self, like: dict[str, Any], prob: float = 1.0) -> None:
        from mmseg_joint.datasets.unlabeled import without_labels  # it imports transforms

        check_share('MatchColors.prob', prob)
        try:
            self.dataset = DATASETS.build(without_labels(like))
            self.dataset.full_init()
        except (OSError, ValueError) as error:  # mmengine cannot serialize an empty list
            raise JointError(
                f'MatchColors.like has no images ({error}): correct its folders.'
            ) from error
        self.prob = prob
        self._known: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def transform(self, results: dict) -> dict:
        """Change the image's colors."""
        if np.random.rand() >= self.prob:
            return results
        index = np.random.randint(len(self.dataset))
        if index not in self._known:
            path = self.dataset.get_data_info(index)['img_path']
            data = read_bytes(path, 'image')
            check_image(data, path, 'image')
            self._known[index] = statistics(_to_lab(mmcv.imfrombytes(data)))
        results['img'] = with_statistics(results['img'], *self._known[index])
        return results


def statistics(lab: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each channel, (3,), of an image (H, W, 3)."""
    mean, deviation = cv2.meanStdDev(lab)
    return mean.ravel(), deviation.ravel()


def with_statistics(image: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Shift and stretch an image's colors in CIELAB.

    Args:
        image: BGR, `uint8`, (H, W, 3).
        mean: Target mean of each channel in CIELAB, (3,).
        deviation: Target standard deviation of each channel, (3,).

    Returns:
        BGR, `uint8`, (H, W, 3).
    """
    lab = _to_lab(image)
    own_mean, own_deviation = statistics(lab)
    scale = np.where(own_deviation > 1e-6, deviation / np.maximum(own_deviation, 1e-6), 1)
    lab = (lab - own_mean) * scale + mean
    bgr = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2BGR)
    return np.rint(bgr.clip(0, 1) * 255).astype(np.uint8)


def _to_lab(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
