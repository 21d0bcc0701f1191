from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures.sampler import BasePixelSampler
from torch import Tensor


class PixelWeights(BasePixelSampler):
    """mmseg's pixel sampler, whose weights an objective may scale for one call of a head's loss.

    A head multiplies its losses by what its sampler returns. So weights given here reach every
    loss of every mmseg head without a line of the head's own code being repeated.

    Args:
        inner: The sampler that the head's config asked for, if any.
    """

    def __init__(self, inner: BasePixelSampler | None) -> None:
        self.inner = inner
        self.weights: Tensor | None = None

    def sample(self, seg_logit: Tensor, seg_label: Tensor) -> Tensor | None:
        """Return the weight of each pixel.

        Args:
            seg_logit: Scores, (N, C, H, W).
            seg_label: Labels, (N, 1, H, W).

        Returns:
            Weights, (N, H, W), or None where each weighs 1.
        """
        chosen = None if self.inner is None else self.inner.sample(seg_logit, seg_label)
        if chosen is None or self.weights is None:
            return self.weights if chosen is None else chosen
        return chosen * self.weights


@contextmanager
def weighted(heads: Iterable[BaseDecodeHead], weights: Tensor | None) -> Iterator[None]:
    """Scale the heads' losses pixel by pixel within the context.

    Args:
        heads: Heads whose sampler is a :class:`PixelWeights`.
        weights: (N, H, W), or None for 1 everywhere.
    """
    samplers = [head.sampler for head in heads]
    for sampler in samplers:
        sampler.weights = weights
    try:
        yield
    finally:
        for sampler in samplers:
            sampler.weights = None
