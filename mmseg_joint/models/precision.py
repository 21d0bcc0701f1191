from __future__ import annotations

from torch import Tensor


def full_precision(tensor: Tensor) -> Tensor:
    """Cast half precision to float32: networks run in half precision under autocast, losses never.

    Args:
        tensor: A floating-point tensor.

    Returns:
        The tensor itself if it is float32 or float64, else its float32 copy.
    """
    return tensor.float() if tensor.element_size() < 4 else tensor
