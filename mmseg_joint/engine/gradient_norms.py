from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mmseg_joint.errors import JointError


def gradient_norms(model: nn.Module, batch: dict, network: nn.Module) -> dict[str, float]:
    """Measure the norm of each loss's gradient on a network, one loss at a time.

    Args:
        model: A :class:`JointEncoderDecoder`.
        batch: A batch as the data loader returns it.
        network: The part of the model on whose parameters it is measured.

    Returns:
        Loss's name -> Euclidean norm over the network's trainable parameters, 0 where the loss does
        not reach them. No gradient is accumulated.

    Raises:
        JointError: When it has none.
    """
    parameters = [value for value in network.parameters() if value.requires_grad]
    if not parameters:
        raise JointError(
            f'{type(network).__name__} has no weight that is trained, so no loss has a gradient on '
            'it: choose another part of the model.'
        )
    losses = model.loss(**model.data_preprocessor(batch, training=True))
    norms = {}
    for name, value in losses.items():
        if 'loss' not in name:
            continue  # a value for the log
        loss: Any = sum(value) if isinstance(value, (list, tuple)) else value
        norms[name] = _norm(loss.mean(), parameters)
    return norms


def _norm(loss: Tensor, parameters: list[nn.Parameter]) -> float:
    if not loss.requires_grad:
        return 0.0
    found = torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
    return float(torch.stack([part.double().square().sum() for part in found]).sum().sqrt())
