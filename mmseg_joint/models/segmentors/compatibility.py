from __future__ import annotations

from typing import Any

from mmseg.models.decode_heads import Mask2FormerHead, MaskFormerHead
from mmseg.registry import MODELS

from mmseg_joint.errors import JointError


def check_segmentor(segmentor: type, decode_head: Any) -> None:
    """Refuse heads that another of the joint segmentors is made for.

    Args:
        segmentor: The class that is about to be built.
        decode_head: Config of its head, or a list of them.

    Raises:
        JointError: When another class is needed; the message names it.
    """
    wanted, reason = 'JointEncoderDecoder', ''
    if isinstance(decode_head, (list, tuple)):
        wanted, reason = 'JointCascadeEncoderDecoder', 'is a list of heads that follow each other'
    elif isinstance(decode_head, dict) and _classifies_masks(decode_head.get('type')):
        wanted = 'JointMaskEncoderDecoder'
        reason = f'of type {decode_head["type"]} classifies masks, not pixels'
    if wanted not in [base.__name__ for base in segmentor.__mro__]:
        raise JointError(f'model.decode_head {reason}: set model.type to "{wanted}".')


def _classifies_masks(kind: Any) -> bool:
    found = MODELS.get(kind) if isinstance(kind, str) else kind
    return isinstance(found, type) and issubclass(found, (Mask2FormerHead, MaskFormerHead))
