from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils.checkpoint import checkpoint


def run_sequentially(segment: Callable[[Tensor], Any], images: Tensor) -> Any:
    """Run one domain's forward, and again in the backward, so that domains' maps never coexist.

    Losses couple the domains, so all of them are computed before the one backward. Autograd comes
    to the domains one after the other there: it computes one's maps again from its images, uses
    them up, and turns to the next. Outputs and gradients are those of keeping all maps, to the last
    bit; a dropout draws again what it drew.

    Args:
        segment: The segmentor's forward: images -> features and score map.
        images: One domain's images, (N, 3, H, W).

    Returns:
        What `segment` returns.
    """
    return checkpoint(segment, images, use_reentrant=False)
