from __future__ import annotations

import torch
from torch import Tensor

from mmseg_joint.errors import JointError


def valid_softmax(seg_logits: Tensor, valid_mask: Tensor | None) -> Tensor:
    """Compute the softmax in float32 at least, so that invalid pixels cannot spoil a sum.

    Args:
        seg_logits: Scores, (N, C, H, W).
        valid_mask: Booleans, (N, H, W); None if every pixel is valid.

    Returns:
        Probabilities, (N, C, H, W); uniform where a pixel is not valid.

    Raises:
        JointError: When the mask is not boolean, or of a wrong size, which broadcasting would hide.
    """
    if valid_mask is not None:
        size = (len(seg_logits), *seg_logits.shape[2:])
        if tuple(valid_mask.shape) != size or valid_mask.dtype != torch.bool:
            raise JointError(
                f'valid_mask is {valid_mask.dtype} of shape {tuple(valid_mask.shape)}: give '
                f'booleans of shape {size}, one for each pixel of seg_logits.'
            )
        seg_logits = seg_logits.masked_fill(~valid_mask[:, None], 0)
    accurate = torch.promote_types(seg_logits.dtype, torch.float32)
    return seg_logits.softmax(dim=1, dtype=accurate)


def masked_mean(values: Tensor, valid_mask: Tensor | None) -> Tensor:
    """Mean of values (N, H, W) over a batch's valid pixels; 0 with zero gradient without any."""
    if valid_mask is None:
        return values.sum() / max(values.numel(), 1)
    return (values * valid_mask).sum() / valid_mask.sum().clamp(min=1)
