from __future__ import annotations

from typing import Any

from mmengine.config import Config

from mmseg_joint.checks.values import value_of
from mmseg_joint.datasets.joint_sampler import check_samples
from mmseg_joint.errors import JointError

SAMPLES = 'train_dataloader.sampler.samples_per_domain'


def check_batch(cfg: Config) -> None:
    """Compare what a batch holds with the domains that there are."""
    samples, domains = value_of(cfg, SAMPLES), value_of(cfg, 'train_dataloader.dataset.domains')
    if not isinstance(samples, dict) or not domains:
        return
    check_samples(samples, domains)
    size, total = value_of(cfg, 'train_dataloader.batch_size'), sum(samples.values())
    if size != total:
        raise JointError(
            f'train_dataloader.batch_size is {size}: set it to {total}, the sum of {SAMPLES}.'
        )


def check_objective(cfg: Config, name: str, objective: Any) -> None:
    """Look for the domains that an objective needs."""
    samples, domains = value_of(cfg, SAMPLES), value_of(cfg, 'train_dataloader.dataset.domains')
    for domain in objective.domains if isinstance(samples, dict) and domains else ():
        if not (domain in domains and samples.get(domain)):
            raise JointError(
                f'model.objectives.{name} needs the domain "{domain}": add it to '
                f'train_dataloader.dataset.domains and ask for samples of it in {SAMPLES}.'
            )
