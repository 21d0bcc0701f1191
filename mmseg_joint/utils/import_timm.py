from __future__ import annotations

from types import ModuleType

from mmseg_joint.errors import JointError


def import_timm() -> ModuleType:
    """Import timm, which only `TimmBackbone` needs.

    Raises:
        JointError: When it or its torchvision is absent. (One that dies otherwise, as with a
            torchvision of another torch, ends the import of this package: mmseg imports it too.)
    """
    try:
        import timm
    except ImportError as error:
        raise JointError(
            f'TimmBackbone needs timm and torchvision ({error}): run '
            '`pip install "mmseg_joint[timm]"`.'
        ) from error
    return timm
