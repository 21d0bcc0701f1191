from __future__ import annotations

from typing import Any

from mmengine.config import Config

from .report import Report


def check_shares(cfg: Config, model: Any, report: Report) -> None:
    """Compare what a batch holds with the domains that there are and those that are needed.

    Args:
        cfg: The whole config.
        model: The built model; None if it cannot be built.
        report: Takes the problems.
    """
    loader = cfg.get('train_dataloader') or {}
    shares = (loader.get('sampler') or {}).get('samples_per_domain')
    domains = (loader.get('dataset') or {}).get('domains')
    if not isinstance(shares, dict) or not domains:
        return
    key = 'train_dataloader.sampler.samples_per_domain'
    for domain in shares:
        if domain not in domains:
            report.problem(
                f'{key} names the domain "{domain}", but train_dataloader.dataset.domains has '
                f'{", ".join(domains)}: correct the name.'
            )
    numbers = list(shares.values())
    if not all(isinstance(share, int) and share >= 0 for share in numbers) or not sum(numbers):
        report.problem(f'{key} is {dict(shares)}: give whole numbers from 0, at least one above.')
    elif loader.get('batch_size') != sum(numbers):
        report.problem(
            f'train_dataloader.batch_size is {loader.get("batch_size")}: set it to {sum(numbers)}, '
            f'the sum of {key}.'
        )
    report.line('a batch', ', '.join(f'{share} {domain}' for domain, share in shares.items()))
    for name, objective in getattr(model, 'objectives', {}).items():
        for domain in objective.domains:
            if not (domain in domains and shares.get(domain)):
                report.problem(
                    f'model.objectives.{name} needs the domain "{domain}": add it to '
                    f'train_dataloader.dataset.domains and ask for samples of it in {key}.'
                )
