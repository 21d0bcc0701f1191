from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils.checkpoint import checkpoint


def in_turn(segment: Callable[[Tensor], Any], pictures: Tensor) -> Any:
    """Run one domain's forward, and again in the backward, so that domains' maps never coexist.

    Losses couple the domains, so all of them are computed before the one backward. Autograd comes
    to the domains one after the other there: it computes one's maps again from its pictures, uses
    them up, and turns to the next. Outputs and gradients are those of keeping all maps, to the last
    bit; a dropout draws again what it drew.

    Args:
        segment: The segmentor's forward: pictures -> features and score map.
        pictures: One domain's pictures, (N, 3, H, W).

    Returns:
        What `segment` returns.
    """
    return checkpoint(segment, pictures, use_reentrant=False)
