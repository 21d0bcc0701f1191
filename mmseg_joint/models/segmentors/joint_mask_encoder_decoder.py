from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import add_prefix
from torch import Tensor, nn

from mmseg_joint.errors import JointError
from mmseg_joint.models.objectives import DomainOutput, full_precision

from .joint_encoder_decoder import JointEncoderDecoder
from .norm_statistics import averages_held

TINY = 1e-6  # keeps the logarithm of a score finite


@MODELS.register_module()
class JointMaskEncoderDecoder(JointEncoderDecoder):
    """:class:`JointEncoderDecoder` for heads that classify masks: Mask2Former and MaskFormer.

    The supervised loss is the head's own, over queries matched with the classes of an image, so
    objectives cannot weigh the loss of a pixel. They see the score map that the head predicts
    with: for each class the sum over queries of class probability times mask probability. They get
    its logarithm in place of logits, so its softmax is each class's share of the sum. The head runs
    twice for a labeled domain: for its loss and for this map.

    Arguments are those of :class:`JointEncoderDecoder`.

    Raises:
        JointError: When an objective weighs pixels, or the head's package cannot be imported.
    """

    def _init_decode_head(self, decode_head: dict[str, Any]) -> None:
        check_mmdet(MODELS.get(decode_head['type']))
        super()._init_decode_head(decode_head)

    def _heads(self) -> list[nn.Module]:
        return self._auxiliary_heads()  # the heads with a pixel-wise loss

    def _segment(self, images: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        images = images.contiguous(memory_format=self.memory_format)
        features = tuple(self.extract_feat(images))
        size = tuple(images.shape[-2:])
        metas = [{'img_shape': size, 'pad_shape': size} for _ in images]
        scores = self.decode_head.predict(features, metas, self.test_cfg)
        return features, torch.log(full_precision(scores).clamp(min=TINY))

    def _decode_losses(
        self, output: DomainOutput, samples: list[SegDataSample]
    ) -> dict[str, Tensor]:
        with averages_held(self.decode_head):  # its prediction has moved them
            loss = self.decode_head.loss(output.features, samples, self.train_cfg)
        return add_prefix(loss, 'decode')


def check_mmdet(head: type | None) -> None:
    """Refuse an mmseg head whose mmdet base class could not be imported.

    Raises:
        JointError: When the base class is missing; mmseg's own error says that mmdet is missing,
            installed or not.
    """
    if head is None or head.__bases__ != (BaseModule,) or not head.__module__.startswith('mmseg.'):
        return
    reason = 'mmdet is not installed'
    if find_spec('mmdet') is not None:
        reason = 'this mmcv has no compiled operators, without which mmdet cannot be imported'
    raise JointError(
        f'model.decode_head of type {head.__name__} needs mmdet, and an mmcv with compiled '
        f'operators, but {reason}: install it, or choose another head.'
    )
