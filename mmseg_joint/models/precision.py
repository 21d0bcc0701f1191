from __future__ import annotations

from torch import Tensor


def full_precision(tensor: Tensor) -> Tensor:
    """Cast half precision to float32: networks run in half precision under autocast, losses never.

    A float32 or float64 tensor is returned as it is.
    """
    return tensor.float() if tensor.element_size() < 4 else tensor
