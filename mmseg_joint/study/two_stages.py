from __future__ import annotations

from mmengine.config import Config

from .length import scaled
from .methods import Second

FIRST_PART = 2 / 3  # of a training in two stages
LOWER_RATE = 0.25  # learning rate of the second stage, as a part of the first one's


def set_stages(cfg: Config, second: Second, labeled: bool) -> str:
    """Divide a training, in place, into two stages that share its iterations; return a sentence."""
    total = int(cfg.train_cfg.max_iters)
    begin = max(1, round(FIRST_PART * total))
    samples = cfg.train_dataloader.sampler.samples_per_domain
    optimizer = cfg.optim_wrapper.segmentor.optimizer
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
