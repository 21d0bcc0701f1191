"""The losses of mmseg's decode heads, computed without the host waiting for the device."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses import CrossEntropyLoss
from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from torch import Tensor, nn

EPS = torch.finfo(torch.float32).eps  # mmseg's, where no pixel is labeled


def avoid_waits(heads: Iterable[nn.Module]) -> None:
    """Give heads with mmseg's common loss :func:`loss_by_feat`; others keep their own.

    It replaces the method of these objects alone: whoever calls it needs no change, and the heads
    of other models keep mmseg's.
    """
    for head in heads:
        if type(head).loss_by_feat is BaseDecodeHead.loss_by_feat:
            head.loss_by_feat = partial(loss_by_feat, head)


def loss_by_feat(
    head: BaseDecodeHead, seg_logits: Tensor, batch_data_samples: list[SegDataSample]
) -> dict[str, Tensor]:
    """Compute what `BaseDecodeHead.loss_by_feat` does, without a number that the host must know.

    mmseg counts the labeled pixels on the host, once for the cross-entropy's mean and twice for the
    accuracy, whose `topk` is also slow on a GPU. Here they are counted once, on the device. Losses
    that are no plain cross-entropy are called as mmseg calls them, and may wait.

    Args:
        head: Any head that inherits mmseg's method.
        seg_logits: Scores, (N, C, h, w).
        batch_data_samples: Samples with labels, (1, H, W) each.

    Returns:
        mmseg's values under mmseg's names; a GPU may round the mean differently, as it divides by
        a tensor. Of classes with equal scores, the accuracy counts the first; mmseg's, any.
    """
    labels = head._stack_batch_gt(batch_data_samples)
    if seg_logits.shape[2:] != labels.shape[2:]:  # else resizing only copies them
        size, corners = labels.shape[2:], head.align_corners
        seg_logits = resize(seg_logits, size=size, mode='bilinear', align_corners=corners)
    weight = head.sampler.sample(seg_logits, labels) if head.sampler is not None else None
    labels = labels.squeeze(1)
    labeled = labels != head.ignore_index
    count = labeled.sum()
    several = isinstance(head.loss_decode, nn.ModuleList)
    losses: dict[str, Tensor] = {}
    for loss in head.loss_decode if several else [head.loss_decode]:
        given: dict[str, Any] = {'weight': weight, 'ignore_index': head.ignore_index}
        if _divides_by_labeled(loss):
            # in the scores' precision: an integer would become a float32
            given['avg_factor'] = count.to(torch.promote_types(seg_logits.dtype, torch.float32))
        value, name = loss(seg_logits, labels, **given), loss.loss_name
        losses[name] = losses[name] + value if name in losses else value
    correct = (labeled & (seg_logits.argmax(dim=1) == labels)).sum()[None].float()
    losses['acc_seg'] = (correct + EPS) * (100.0 / (count.double() + EPS))  # rounded as mmseg's
    return losses


def _divides_by_labeled(loss: nn.Module) -> bool:
    """Whether a loss is mmseg's softmax cross-entropy, averaged over the labeled pixels."""
    return (
        type(loss) is CrossEntropyLoss
        and not (loss.use_sigmoid or loss.use_mask)
        and loss.avg_non_ignore
        and loss.class_weight is None  # averages over these weights
        and loss.reduction == 'mean'
    )
