from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_joint.errors import JointError
from mmseg_joint.models.precision import full_precision


@MODELS.register_module()
class DeepLabV2Head(BaseDecodeHead):
    """The classifier of DeepLabV2: parallel dilated convolutions, their scores added.

    *DeepLab: Semantic Image Segmentation with Deep Convolutional Nets, Atrous Convolution, and
    Fully Connected CRFs* (Chen et al., TPAMI 2017), section 3.2, "ASPP".

    Args:
        in_channels: Channels of the feature.
        num_classes: Number of classes C.
        dilations: One per 3×3 convolution. AdaptSegNet's public code adds up only the first two:
            (6, 12).
        dropout_ratio: Dropout on the feature.
        init_cfg: mmengine's initialization config; N(0, 0.01) without it.
        **kwargs: Anything else that mmseg's `BaseDecodeHead` takes.

    Raises:
        JointError: When there is no dilation, or one is below 1.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        dilations: Sequence[int] = (6, 12, 18, 24),
        dropout_ratio: float = 0.0,
        init_cfg: dict | list[dict] | None = None,
        **kwargs: Any,
    ) -> None:
        if not dilations or min(dilations) < 1:
            raise JointError(
                f'model.decode_head.dilations is {list(dilations)}: give at least one, each from 1.'
            )
        super().__init__(
            in_channels=in_channels,
            channels=kwargs.pop('channels', in_channels),
            num_classes=num_classes,
            dropout_ratio=dropout_ratio,
            init_cfg=init_cfg or {'type': 'Normal', 'std': 0.01, 'override': {'name': 'convs'}},
            **kwargs,
        )
        del self.conv_seg  # the dilated convolutions give the scores
        self.convs = nn.ModuleList(
            nn.Conv2d(in_channels, self.out_channels, 3, padding=dilation, dilation=dilation)
            for dilation in dilations
        )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Score the positions of the feature (N, in_channels, h, w) that `in_index` selects.

        Returns:
            Logits (N, C, h, w).
        """
        feature = self._transform_inputs(inputs)
        if self.dropout is not None:
            feature = self.dropout(feature)
        size = feature.shape[2:]
        # One 1×1 convolution computes what each position contributes to the positions that see it,
        # and `fold` adds it there. Dilated convolutions with few outputs take three times as long.
        flipped = [conv.weight.flip(2, 3).permute(0, 2, 3, 1).flatten(0, 2) for conv in self.convs]
        parts = F.conv2d(feature, torch.cat(flipped)[..., None, None])
        scores = sum(conv.bias for conv in self.convs)[:, None, None]
        for part, conv in zip(parts.chunk(len(self.convs), dim=1), self.convs):
            columns = full_precision(part).flatten(2)
            scores = scores + F.fold(columns, size, 3, conv.dilation, conv.padding)
        return scores
