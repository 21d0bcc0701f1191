from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config
from mmseg.registry import DATASETS

from mmseg_joint.datasets.unlabeled import Unlabeled, without_labels
from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import class_of, datasets_in


def domain_config(cfg: Config, domain: str | None) -> tuple[str, dict]:
    """Find a domain's dataset in a config, inside any wrappers.

    Args:
        cfg: The whole config.
        domain: The domain; None takes the only one. A config without domains has one dataset.

    Returns:
        The dataset's key and config, without label loading for an unlabeled domain.

    Raises:
        JointError: When there is no such domain, or it consists of several datasets.
    """
    key = 'train_dataloader.dataset'
    found = (cfg.get('train_dataloader') or {}).get('dataset')
    if not found:
        raise JointError('The config has no train_dataloader.dataset: name one that trains.')
    domains = found.get('domains')
    if domains is not None:
        if domain is None and len(domains) == 1:
            domain = next(iter(domains))
        if domain not in domains:
            raise JointError(
                f'--domain {domain}: the config has {", ".join(domains)}, so name one.'
            )
        key, found = f'{key}.domains.{domain}', domains[domain]
    several = list(innermost(found, key, domain == 'unlabeled'))
    if len(several) != 1:
        raise JointError(
            f'{key} is several datasets: name another --domain, or one dataset by its folder.'
        )
    return several[0]


def innermost(cfg: Any, key: str, unlabeled: bool = False) -> Iterator[tuple[str, dict]]:
    """Find the datasets within a config's lists and wrappers.

    Yields:
        Each dataset's key and config, without label loading where labels are not read.
    """
    for places in datasets_in(cfg, key):
        place, dataset = places[-1]
        hidden = unlabeled or any(class_of(node, DATASETS) is Unlabeled for _, node in places)
        yield place, without_labels(dataset) if hidden else dict(dataset)
