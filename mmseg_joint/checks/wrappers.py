from __future__ import annotations

from mmengine.config import Config

from mmseg_joint.checks.parts import parts_of
from mmseg_joint.errors import JointError


def check_wrappers(cfg: Config) -> None:
    """Refuse mmengine's wrapper for rare classes, which asks what mmseg's datasets do not know."""
    for part in parts_of(cfg, 'train'):
        if getattr(part.kind, '__name__', '') == 'ClassBalancedDataset':
            domain = part.key.removeprefix('train_dataloader.dataset.domains.').partition('.')[0]
            raise JointError(
                f'{part.key} is a ClassBalancedDataset, which does not know the classes of label '
                'maps: take its dataset alone, and draw rare classes more often with '
                f'train_dataloader.dataset.rare_classes=dict({domain}=dict()) (RareClassSampling).'
            )
