from __future__ import annotations

from typing import Any

from mmengine.config import Config

from mmseg_joint.checks.values import value_of
from mmseg_joint.datasets.joint_sampler import check_shares
from mmseg_joint.errors import JointError

SHARES = 'train_dataloader.sampler.shares'


def check_batch(cfg: Config) -> None:
    """Compare what a batch holds with the domains that there are."""
    shares, domains = value_of(cfg, SHARES), value_of(cfg, 'train_dataloader.dataset.domains')
    if not isinstance(shares, dict) or not domains:
        return
    check_shares(shares, domains)
    size, total = value_of(cfg, 'train_dataloader.batch_size'), sum(shares.values())
    if size != total:
        raise JointError(
            f'train_dataloader.batch_size is {size}: set it to {total}, the sum of {SHARES}.'
        )


def check_objective(cfg: Config, name: str, objective: Any) -> None:
    """Look for the domains that an objective needs."""
    shares, domains = value_of(cfg, SHARES), value_of(cfg, 'train_dataloader.dataset.domains')
    for domain in objective.domains if isinstance(shares, dict) and domains else ():
        if not (domain in domains and shares.get(domain)):
            raise JointError(
                f'model.objectives.{name} needs the domain "{domain}": add it to '
                f'train_dataloader.dataset.domains and give it a share in {SHARES}.'
            )
