from __future__ import annotations

from typing import Any

from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_joint.checks.values import value_of
from mmseg_joint.datasets.joint_sampler import check_samples
from mmseg_joint.errors import JointError
from mmseg_joint.models.objectives import Objective

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


def check_followers(cfg: Config) -> None:
    """Refuse an optimizer wrapper that would not tell an objective of its steps."""
    wrapper = cfg.get('optim_wrapper') or {}
    if wrapper.get('constructor') == 'JointOptimWrapperConstructor':
        return
    for name, config in (value_of(cfg, 'model.objectives') or {}).items():
        kind = config.get('type') if isinstance(config, dict) else None
        kind = MODELS.get(kind) if isinstance(kind, str) else kind
        follow = getattr(kind, 'after_optimizer_step', Objective.after_optimizer_step)
        if follow is not Objective.after_optimizer_step:
            raise JointError(
                f'model.objectives.{name} moves with every optimizer step, of which only '
                "optim_wrapper.constructor='JointOptimWrapperConstructor' tells it: set it."
            )
