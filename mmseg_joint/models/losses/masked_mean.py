from __future__ import annotations

import torch
from torch import Tensor

from mmseg_joint.errors import JointError


def check_valid_mask(seg_logits: Tensor, valid_mask: Tensor | None) -> None:
    """Refuse a mask that does not belong to the scores, which broadcasting would hide.

    Args:
        seg_logits: Scores, (N, C, H, W).
        valid_mask: Booleans, (N, H, W), or None.

    Raises:
        JointError: When shapes differ, or the mask is not boolean.
    """
    if valid_mask is None:
        return
    size = (len(seg_logits), *seg_logits.shape[2:])
    if tuple(valid_mask.shape) != size or valid_mask.dtype != torch.bool:
        raise JointError(
            f'valid_mask is {valid_mask.dtype} of shape {tuple(valid_mask.shape)}: give booleans '
            f'of shape {size}, one for each pixel of seg_logits.'
        )


def finite_where_invalid(seg_logits: Tensor, valid_mask: Tensor | None) -> Tensor:
    """Set the scores of pixels that do not count to 0, so that nothing there can spoil the sum.

    Args:
        seg_logits: Scores, (N, C, H, W).
        valid_mask: Booleans, (N, H, W), or None.

    Returns:
        The scores; a copy where there is a mask.
    """
    return seg_logits if valid_mask is None else seg_logits.masked_fill(~valid_mask[:, None], 0)


def masked_mean(values: Tensor, valid_mask: Tensor | None) -> Tensor:
    """Mean over the valid pixels of all images of a batch.

    Args:
        values: One number a pixel, (N, H, W).
        valid_mask: Booleans, (N, H, W); None if every pixel is valid.

    Returns:
        A scalar; 0 with zero gradient if no pixel is valid.
    """
    if valid_mask is None:
        return values.sum() / max(values.numel(), 1)
    return (values * valid_mask).sum() / valid_mask.sum().clamp(min=1)
