from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_joint.models.losses.global_mean import global_mean
from mmseg_joint.models.precision import full_precision


def gan_loss(
    d_logits: Tensor,
    label: float,
    criterion: Callable[[Tensor, Tensor], Tensor] = F.binary_cross_entropy_with_logits,
) -> Tensor:
    """Compute the mean loss of a discriminator's logits, of any shape, with one label for all."""
    d_logits = full_precision(d_logits)
    return criterion(d_logits, torch.full_like(d_logits, label))


def global_cross_entropy(logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
    """Cross-entropy of logits (N, C, ...) with labels (N, ...): mean over all processes' labels.

    A scalar as from :func:`global_mean`: 0 with zero gradient where nothing is labeled.
    """
    logits = full_precision(logits)
    # CUDA's kernel for reduction='sum' is not deterministic
    losses = F.cross_entropy(logits, labels, ignore_index=ignore_index, reduction='none')
    return global_mean(losses.sum(), (labels != ignore_index).sum())
