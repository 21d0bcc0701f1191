from __future__ import annotations

from math import isnan
from typing import Any

from mmengine.config import Config

TEST = 'test labels'
HELD_OUT = 'held-out training labels'
OTHER = 'labels of another set than the test set'
# What the best of several validations' scores is worth, by the labels that it was chosen by.
VERDICTS = {
    TEST: 'chosen by the test labels that it is scored on, so no fair result',
    HELD_OUT: 'chosen by held-out training labels: fair once tested on the test labels',
    OTHER: 'chosen by the labels that it is scored on: fair once tested on the test labels',
}
SELECTION_SETS = tuple(VERDICTS)


def selection_set_of(cfg: Config) -> str:
    """Determine which labels a training's validations use.

    Returns:
        `TEST` if `val_dataloader` and `test_dataloader` have the same dataset, pipelines aside, or
        there is no test set; `HELD_OUT` if the validation set is what a `LabelSubset` holds out;
        otherwise `OTHER`.
    """
    val, test = (
        _without_pipelines((cfg.get(f'{split}_dataloader') or {}).get('dataset'))
        for split in ('val', 'test')
    )
    if not test or val == test:
        return TEST
    return HELD_OUT if _holds_out(val) else OTHER


def _without_pipelines(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_pipelines(node[key]) for key in node if key != 'pipeline'}
    if isinstance(node, (list, tuple)):
        return [_without_pipelines(item) for item in node]
    return node


def _holds_out(node: Any) -> bool:
    return isinstance(node, dict) and bool(node.get('held_out') or _holds_out(node.get('dataset')))


def summarize(
    validations: list[dict[str, float]], metric: str, last: int, selection_set: str
) -> dict[str, Any]:
    """Compare three ways to get one result from a training's validations.

    Args:
        validations: At least one, each with `iter` and its metrics, sorted by `iter`.
        metric: The deciding one; higher is better.
        last: How many validations to average, if there are that many.
        selection_set: One of `SELECTION_SETS`: which labels the validations use.

    Returns:
        `last`, `mean` and `best`, each with the metric's value, where it comes from, and
        `chosen_by`: `'iteration'` or the labels, on which the best one's score is too high.
    """
    final, tail = validations[-1], validations[-last:]
    best = max(validations, key=lambda v: float('-inf') if isnan(v[metric]) else v[metric])
    return {
        'last': {metric: final[metric], 'iter': final['iter'], 'chosen_by': 'iteration'},
        'mean': {
            metric: sum(validation[metric] for validation in tail) / len(tail),
            'iters': [validation['iter'] for validation in tail],
            'chosen_by': 'iteration',
        },
        'best': {metric: best[metric], 'iter': best['iter'], 'chosen_by': selection_set},
    }


def describe(summary: dict[str, Any], metric: str, selection_set: str) -> str:
    """Format the result of :func:`summarize`, with the best one's `checkpoint`, for the log."""
    last, mean, best = (summary[key] for key in ('last', 'mean', 'best'))
    iters = mean['iters']
    hint = f"not kept; default_hooks.checkpoint.save_best='{metric}' keeps it"
    values = ['last', f'mean of the last {len(iters)}', 'best']
    sources = [
        f'iteration {last["iter"]}; chosen without labels',
        f'iterations {iters[0]} to {iters[-1]}; chosen without labels',
        f'iteration {best["iter"]} ({best.get("checkpoint") or hint}); {VERDICTS[selection_set]}',
    ]
    text = f'Which checkpoint? {metric} on the {selection_set}:'
    for name, found, source in zip(values, (last, mean, best), sources):
        text += f'\n  {f"{name}: {found[metric]:.2f}":<26}{source}'
    return text
