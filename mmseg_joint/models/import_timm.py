from __future__ import annotations

from types import ModuleType

import torch

from mmseg_joint.errors import JointError


def import_timm() -> ModuleType:
    """Import timm, which only `TimmBackbone` needs.

    Returns:
        The package.

    Raises:
        JointError: When it is absent, or dies of a torchvision that was built for another torch.
    """
    try:
        import timm
    except ImportError as error:
        raise JointError(
            f'TimmBackbone needs timm and torchvision ({error}): run '
            '`pip install "mmseg_joint[timm]"`.'
        ) from error
    except Exception as error:  # torchvision's operators do not fit this torch
        raise JointError(
            f'timm cannot be imported ({str(error).splitlines()[0]}): install the torchvision that '
            f'belongs to torch {torch.__version__}, which `pip install torchvision` with the same '
            'index as torch picks.'
        ) from error
    return timm
