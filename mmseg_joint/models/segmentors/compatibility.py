from __future__ import annotations

from typing import Any

from mmseg.models.decode_heads import Mask2FormerHead, MaskFormerHead
from mmseg.registry import MODELS

from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import class_of


def check_segmentor(segmentor: type, decode_head: Any) -> None:
    """Refuse heads that need another of the joint segmentors.

    Raises:
        JointError: When another class is needed; the message names it.
    """
    wanted, reason = _form(decode_head)
    if wanted not in [base.__name__ for base in segmentor.__mro__]:
        raise JointError(f'model.decode_head {reason}: set model.type to "{wanted}".')


def joint_form(model: dict[str, Any]) -> str:
    """Name the joint segmentor that trains a model: its own type if it is a joint one already."""
    wanted, _ = _form(model.get('decode_head'))
    return str(model['type']) if str(model['type']).startswith('Joint') else wanted


def _form(decode_head: Any) -> tuple[str, str]:
    """The joint segmentor that a head needs, and why."""
    if isinstance(decode_head, (list, tuple)):
        return 'JointCascadeEncoderDecoder', 'is a list of heads that follow each other'
    if isinstance(decode_head, dict) and classifies_masks(decode_head.get('type')):
        reason = f'of type {decode_head["type"]} classifies masks, not pixels'
        return 'JointMaskEncoderDecoder', reason
    return 'JointEncoderDecoder', ''


def classifies_masks(kind: Any) -> bool:
    """Whether a head's type is one that classifies masks instead of pixels."""
    found = class_of(kind, MODELS)
    return found is not None and issubclass(found, (Mask2FormerHead, MaskFormerHead))
