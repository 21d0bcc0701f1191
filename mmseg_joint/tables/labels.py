from __future__ import annotations

from typing import Any

from mmengine.config import Config

TARGET = 'train_dataloader.dataset.domains.target'


def labels_of(cfg: Config) -> int | None:
    """Count the labelled target pictures that a config trains with.

    Args:
        cfg: The config, of one stage if it was trained in stages.

    Returns:
        Their number; 0 without labels of the target, None if the config does not say.
    """
    shares = cfg.train_dataloader.sampler.shares
    target = target_of(cfg)
    if not target or not shares.get('target', 0):
        return 0
    return target.get('count') if takes_subset(cfg) else None


def takes_subset(cfg: Config) -> bool:
    """Whether a config takes some of the labelled target pictures, drawn with a seed."""
    return (target_of(cfg) or {}).get('type') == 'LabelSubset'


def target_of(cfg: Config) -> dict[str, Any] | None:
    """The config's data set of labelled target pictures."""
    return cfg.train_dataloader.dataset.domains.get('target')
