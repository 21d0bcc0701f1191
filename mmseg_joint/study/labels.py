from __future__ import annotations

from typing import Any

from mmengine.config import Config

TARGET = 'train_dataloader.dataset.domains.target'


def labels_of(cfg: Config) -> int | None:
    """Count the labeled target images that one stage's config trains with; None if not known."""
    shares = cfg.train_dataloader.sampler.samples_per_domain
    return subset_of(cfg) if target_of(cfg) and shares.get('target', 0) else 0


def subset_of(cfg: Config) -> int | None:
    """Count the labeled target images that a config has, whether it trains with them or not.

    A stage of a training may leave the labels to another stage. None if it does not say.
    """
    return (target_of(cfg) or {}).get('count') if takes_subset(cfg) else None


def takes_subset(cfg: Config) -> bool:
    """Whether a config takes some of the labeled target images, drawn with a seed."""
    return (target_of(cfg) or {}).get('type') == 'LabelSubset'


def target_of(cfg: Config) -> dict[str, Any] | None:
    """The config's dataset of labeled target images; pseudo-labels are none."""
    found = cfg.train_dataloader.dataset.domains.get('target')
    return None if found and found.get('type') == 'WrittenDataset' else found
