"""Shorten a training or split it into two stages, with everything that counts iterations."""

from __future__ import annotations

import copy
from typing import Any

from mmengine.config import Config

from mmseg_joint.errors import JointError

from .methods import Second

LINES = 10  # a training's log has at least this many
LEAST = 2  # iterations of a warm-up; LinearLR's last one has the full rate
FIRST_PART = 2 / 3  # share of the iterations in the first of two stages
LOWER_RATE = 0.25  # learning rate of the second stage relative to the first
COUNTED = ('begin', 'end', 'T_max', 'step_size')


def set_length(cfg: Config, iterations: int) -> None:
    """Set the number of iterations of a training, in place; it is validated at the end."""
    before = int(cfg.train_cfg.max_iters)
    cfg.train_cfg.update(max_iters=iterations, val_interval=iterations)
    cfg.train_cfg.pop('val_begin', None)  # validations before it are left out, even the last
    cfg.param_scheduler = scaled(cfg.get('param_scheduler'), iterations / before)
    logger = cfg.get('default_hooks', {}).get('logger')
    if logger:
        logger.interval = max(1, min(logger.get('interval', 10), iterations // LINES))


def set_stages(cfg: Config, second: Second, labeled: bool) -> str:
    """Split a training, in place, into two stages that share its iterations; describe them."""
    total = int(cfg.train_cfg.max_iters)
    begin = max(1, round(FIRST_PART * total))
    samples = cfg.train_dataloader.sampler.samples_per_domain
    optimizer = cfg.optim_wrapper.segmentor.optimizer
    if 'lr' not in optimizer:
        raise JointError(
            'optim_wrapper.segmentor.optimizer has no lr, which a second stage lowers: name it.'
        )
    stages = []
    for name, domains, iterations, rate in (
        (second.first, second.first_domains, begin, 1.0),
        (second.name, second.domains, max(1, total - begin), LOWER_RATE),
    ):
        own = {d: count if d in domains else 0 for d, count in samples.items()}
        stages.append(
            dict(
                name=name,
                train_cfg=dict(
                    max_iters=iterations,
                    val_interval=min(iterations, cfg.train_cfg.get('val_interval', iterations)),
                    val_begin=min(iterations, cfg.train_cfg.get('val_begin', 1)),
                ),
                train_dataloader=dict(
                    batch_size=sum(own.values()), sampler=dict(samples_per_domain=own)
                ),
                optim_wrapper=dict(segmentor=dict(optimizer=dict(lr=rate * optimizer.lr))),
                param_scheduler=scaled(cfg.get('param_scheduler'), iterations / total),
            )
        )
    if cfg.model.objectives:
        stages[0]['model'] = dict(objectives=None)
    cfg.stages = stages
    first = 'the source alone' if not labeled else 'source and target'
    return (
        f'two stages: {begin} iterations on {first}, {max(1, total - begin)} at '
        f'{LOWER_RATE:g} of the learning rate ("{second.name}").'
    )


def scaled(schedulers: Any, factor: float) -> Any:
    """Scale a `param_scheduler` by new over old iterations; a single one becomes a list."""
    if isinstance(schedulers, dict):
        if 'type' not in schedulers:
            return {name: scaled(own, factor) for name, own in schedulers.items()}
        schedulers = [schedulers]
    found = copy.deepcopy(list(schedulers or ()))
    for scheduler in found:
        for key in COUNTED:
            if isinstance(scheduler.get(key), (int, float)):
                scheduler[key] = _scaled(scheduler[key], factor)
        if scheduler.get('milestones'):
            scheduler['milestones'] = [_scaled(step, factor) for step in scheduler['milestones']]
    return found


def _scaled(step: float, factor: float) -> int:
    return max(LEAST, round(factor * step)) if step else 0
