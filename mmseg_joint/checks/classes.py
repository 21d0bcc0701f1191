from __future__ import annotations

from typing import Any

from torch import nn

from mmseg_joint.errors import JointError
from mmseg_joint.utils.unwrapped import unwrapped


def check_classes(model: nn.Module, dataset: Any, key: str) -> None:
    """Refuse data whose classes are more or fewer than the model predicts."""
    model = unwrapped(model)
    predicted = getattr(model, 'num_classes', None)
    parts = getattr(dataset, 'domains', None)
    named = {key: dataset}
    if isinstance(parts, dict):
        named = {f'{key}.domains.{name}': part for name, part in parts.items()}
    for place, part in named.items():
        classes = (getattr(part, 'metainfo', None) or {}).get('classes')
        labeled = getattr(part, 'labeled', True)
        if predicted and classes and labeled and len(classes) != predicted:
            raise JointError(
                f'{place} has {len(classes)} classes but model.decode_head.num_classes is '
                f'{predicted}: make them equal.'
            )
