from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_joint.errors import JointError
from mmseg_joint.models.bilinear import enlarge
from mmseg_joint.utils.numbers import check_choice

from .strided_convs import StridedConvs

KERNEL_SIZE = 4
STRIDES = {'pixel': (2, 2, 2, 2, 2), 'region': (2, 2, 2, 1, 1), 'image': (2, 2, 2, 2, 2)}


@MODELS.register_module()
class WeightingNetwork(BaseModule):
    """Scores how target-like predicted label structures are, at one of three levels.

    W_p, W_r or W_i of *Not All Areas Are Equal: Transfer Learning for Semantic Segmentation via
    Hierarchical Region Selection* (Sun et al., CVPR 2019), sections 3.1 and 3.3; its output is
    M_k of Eq. 1. Five convolutions 4×4, LeakyReLU(0.2) after all but the last, a linear output
    (H5). A convolution of stride 2 halves the size (rounding down), one of stride 1 keeps it.

    Maps of images under 32×32 become smaller than the kernel; they are then padded with zeros,
    never refused.

    Args:
        in_channels: Number of classes C of the predictions.
        num_maps: K: 1 for a map shared by all classes (W^1), C for one map per class (W^19).
        level: `pixel`: the last map is up-sampled bilinearly to the predictions' size (H6).
            `region`: it is returned as it is, at 1/8 of the size (H3).
            `image`: its mean is returned, one number per image and map (H4).
        channels: Widths of all convolutions but the last.
        strides: One per convolution; `None` takes those of the level.
        negative_slope: Of the LeakyReLU.
        init_cfg: mmengine initialization; PyTorch's default without it.

    Raises:
        JointError: When the level is unknown or the strides do not match the channels.
    """

    def __init__(
        self,
        in_channels: int,
        num_maps: int = 1,
        level: str = 'pixel',
        channels: Sequence[int] = (64, 128, 256, 512),
        strides: Sequence[int] | None = None,
        negative_slope: float = 0.2,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_choice('WeightingNetwork.level', level, STRIDES)
        strides = tuple(strides or STRIDES[level])
        if len(strides) != len(channels) + 1:
            raise JointError(
                f'a WeightingNetwork with channels={tuple(channels)} has {len(channels) + 1} '
                f'convolutions: give it as many strides, not {strides}.'
            )
        self.level = level
        # An even kernel keeps the size only with one more zero on one side.
        self.convs = StridedConvs(
            widths=(in_channels, *channels, num_maps),
            kernel_size=KERNEL_SIZE,
            strides=strides,
            paddings=[(1, 2) if stride == 1 else (1, 1) for stride in strides],
            negative_slope=negative_slope,
            # Eq. 3 compares scores with their mean, too close for half precision
            full_precision_end=True,
        )

    def forward(self, probabilities: Tensor) -> Tensor:
        """Score predictions, given as the softmax of the logits, (N, C, H, W).

        Returns:
            Scores, near 0 where source-like and near 1 where target-like, unbounded: pixel
            (N, K, H, W), region (N, K, H // 8, W // 8), image (N, K).
        """
        scores = self.convs(probabilities)
        if self.level == 'image':
            return scores.mean(dim=(2, 3))
        if self.level == 'region':
            return scores
        return enlarge(scores, probabilities.shape[2:])
