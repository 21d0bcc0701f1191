from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses import CrossEntropyLoss
from mmseg.structures.sampler import BasePixelSampler
from torch import Tensor, nn

from mmseg_joint.errors import JointError


class PixelWeights(BasePixelSampler):
    """mmseg's pixel sampler, whose weights an objective may scale for one call of a head's loss.

    mmseg's heads multiply their cross-entropy by what their sampler returns, so weights given here
    reach it without duplicating any head's code.

    Args:
        inner: The sampler that the head's config asked for, if any.
    """

    def __init__(self, inner: BasePixelSampler | None) -> None:
        self.inner = inner
        self.weights: Tensor | None = None

    def sample(self, seg_logit: Tensor, seg_label: Tensor) -> Tensor | None:
        """Return the weight of each pixel, (N, H, W), or None if all are 1."""
        if self.inner is None:
            return self.weights
        chosen = self.inner.sample(seg_logit, seg_label)
        return chosen if self.weights is None else chosen * self.weights


def check_weighable(heads: Iterable[nn.Module], objective: str) -> None:
    """Refuse heads that would silently drop pixel weights.

    Raises:
        JointError: When a head computes its loss in its own way, or a loss takes no weights.
    """
    for head in heads:
        own_way = getattr(type(head), 'loss_by_feat', None) is not BaseDecodeHead.loss_by_feat
        losses = getattr(head, 'loss_decode', None)
        losses = losses if isinstance(losses, nn.ModuleList) else [losses]
        unsupported = [loss for loss in losses if not isinstance(loss, CrossEntropyLoss)]
        if own_way or unsupported:
            culprit = type(head).__name__ if own_way else type(unsupported[0]).__name__
            raise JointError(
                f'{culprit} takes no pixel weights, which {objective} gives: use a head with '
                "mmseg's common loss and loss_decode=dict(type='CrossEntropyLoss'), or delete the "
                'objective.'
            )


@contextmanager
def weighted(heads: Sequence[BaseDecodeHead], weights: Tensor | None) -> Iterator[None]:
    """Scale the losses of heads with `PixelWeights` samplers by weights, (N, H, W), if any."""
    for head in heads:
        head.sampler.weights = weights
    try:
        yield
    finally:
        for head in heads:
            head.sampler.weights = None
