from __future__ import annotations

from typing import Any

from mmengine.config import Config
from mmseg.registry import DATA_SAMPLERS, MODELS

from mmseg_joint.datasets.joint_sampler import JointSampler, check_samples
from mmseg_joint.errors import JointError
from mmseg_joint.models.objectives import Objective
from mmseg_joint.models.objectives.base import makes_domains
from mmseg_joint.utils.walk import class_of, value_of

DOMAINS = ('source', 'target', 'unlabeled')
SAMPLES = 'train_dataloader.sampler.samples_per_domain'


def check_batch(cfg: Config) -> None:
    """Compare the domains of a batch with those of the dataset."""
    samples, domains = value_of(cfg, SAMPLES), value_of(cfg, 'train_dataloader.dataset.domains')
    if not isinstance(samples, dict) or not domains:
        return
    check_samples(samples, domains)
    size, total = value_of(cfg, 'train_dataloader.batch_size'), sum(samples.values())
    if size != total:
        raise JointError(
            f'train_dataloader.batch_size is {size}: set it to {total}, the sum of {SAMPLES}.'
        )


def check_endless(cfg: Config) -> None:
    """Refuse to count epochs of a sampler that draws forever."""
    sampler = class_of(value_of(cfg, 'train_dataloader.sampler'), DATA_SAMPLERS)
    if sampler is JointSampler and value_of(cfg, 'train_cfg.max_epochs'):
        raise JointError(
            'train_cfg.max_epochs counts epochs, but JointSampler draws without end and the first '
            "one would never be over: set train_cfg=dict(type='IterBasedTrainLoop', max_iters=…)."
        )


def check_objective(cfg: Config, name: str, objective: Any) -> None:
    """Refuse an objective that needs a missing domain.

    Domains other than the usual ones may be made by another objective; the first step shows that.
    """
    samples, domains = value_of(cfg, SAMPLES), value_of(cfg, 'train_dataloader.dataset.domains')
    deriving = any(makes_domains(kind) for kind in _objectives(cfg).values())
    for domain in objective.domains if isinstance(samples, dict) and domains else ():
        known = domain in DOMAINS or not deriving
        if known and not samples.get(domain):  # those of no domain are refused before
            raise JointError(
                f'model.objectives.{name} needs the domain "{domain}": add it to '
                f'train_dataloader.dataset.domains and ask for samples of it in {SAMPLES}.'
            )


def check_followers(cfg: Config) -> None:
    """Refuse an optimizer wrapper that would not notify an objective of its steps."""
    wrapper = cfg.get('optim_wrapper') or {}
    if wrapper.get('constructor') == 'JointOptimWrapperConstructor':
        return
    for name, kind in _objectives(cfg).items():
        follow = getattr(kind, 'after_optimizer_step', Objective.after_optimizer_step)
        if follow is not Objective.after_optimizer_step:
            raise JointError(
                f'model.objectives.{name} is updated after every optimizer step, which needs '
                "optim_wrapper.constructor='JointOptimWrapperConstructor': set it."
            )


def _objectives(cfg: Config) -> dict[str, type | None]:
    """Return each objective's name -> its class, if it is known."""
    found = value_of(cfg, 'model.objectives') or {}
    return {name: class_of(config, MODELS) for name, config in found.items()}
