from __future__ import annotations

import glob
import json
from math import isnan
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import IterBasedTrainLoop
from mmseg.registry import HOOKS

from mmseg_joint.utils.atomic_write import atomic_write
from mmseg_joint.utils.numbers import check_choice, check_whole

FILE = 'selection.json'
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


@HOOKS.register_module()
class SelectionReportHook(Hook):
    """Reports the scores of the last checkpoint, the best, and the mean of the last few.

    It also says which of them was chosen by the labels that it is scored on. `selection.json` in
    the work dir holds all validations and the comparison; it is rewritten at each validation, and a
    resumed run continues it. If a run was stopped during a validation, resuming repeats it.

    Args:
        metric: The deciding one, as the evaluator names it; higher is better.
        last: How many validations to average.
        selection_set: Which labels the validations use, `'test labels'`, `'held-out training
            labels'` or `'labels of another set than the test set'`; `'auto'` infers it from
            `val_dataloader` and `test_dataloader`.

    Raises:
        JointError: When a value is none of these.
    """

    priority = 'LOWEST'  # after the checkpoint hook, to name its files

    def __init__(self, metric: str = 'mIoU', last: int = 5, selection_set: str = 'auto') -> None:
        check_whole('SelectionReportHook.last', last)
        choices = ('auto', *SELECTION_SETS)
        check_choice('SelectionReportHook.selection_set', selection_set, choices)
        self.metric, self.last, self.selection_set = metric, last, selection_set
        self.validations: list[dict[str, float]] = []
        self._training = False

    def before_train(self, runner: Any) -> None:
        """Adopt the validations of the run that is resumed."""
        self._training = True
        if self.selection_set == 'auto':
            self.selection_set = selection_set_of(runner.cfg)
        shared = [_earlier(runner, self.metric) if is_main_process() else None]
        broadcast_object_list(shared)
        self.validations = shared[0] or []

    def before_train_epoch(self, runner: Any) -> None:
        """Validate the resumed checkpoint, if the run was stopped before it did."""
        if _is_due(runner) and all(v['iter'] != runner.iter for v in self.validations):
            runner.logger.info(f'No validation of iteration {runner.iter} is known: running it.')
            runner.val_loop.run()

    def after_val_epoch(self, runner: Any, metrics: dict[str, Any]) -> None:
        """Record a validation's result."""
        if not self._training:
            return
        numbers = {k: round(float(v), 6) for k, v in metrics.items() if _is_number(v)}
        if self.metric not in numbers:
            runner.logger.warning(
                f'SelectionReportHook.metric is "{self.metric}", but the evaluator gives '
                f'{", ".join(numbers) or "nothing"}: nothing is reported.'
            )
            return
        self.validations.append({'iter': runner.iter, **numbers})
        if is_main_process():
            self._write(runner)

    def after_train(self, runner: Any) -> None:
        """Write the comparison to the log."""
        self._training = False
        if self.validations and is_main_process():
            summary = self._write(runner)
            runner.logger.info(describe(summary, self.metric, self.selection_set))

    def _write(self, runner: Any) -> dict[str, Any]:
        summary = summarize(self.validations, self.metric, self.last, self.selection_set)
        for key in ('last', 'best'):
            summary[key]['checkpoint'] = _kept(runner, summary[key]['iter'])
        content = {
            'metric': self.metric,
            'validated_on': self.selection_set,
            **summary,
            'validations': self.validations,
        }
        atomic_write(Path(runner.work_dir, FILE), json.dumps(content, indent=1))
        return summary


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
    return HELD_OUT if holds_out(val) else OTHER


def holds_out(node: Any) -> bool:
    """Whether the config of a dataset is that of what a `LabelSubset` holds out."""
    return isinstance(node, dict) and bool(node.get('held_out') or holds_out(node.get('dataset')))


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


def _earlier(runner: Any, metric: str) -> list[dict[str, float]]:
    """Return the validations up to the loaded checkpoint, from its folder or the work dir.

    Those without the metric, which another evaluator or config has made, cannot be compared.
    """
    if runner.iter == 0:
        return []
    resumed = runner.cfg.get('load_from')
    folders = [Path(resumed).parent] if resumed else []
    for folder in [*folders, Path(runner.work_dir)]:
        try:
            content = json.loads((folder / FILE).read_text(encoding='utf-8'))
            found = [v for v in content['validations'] if v['iter'] <= runner.iter]
            return [validation for validation in found if metric in validation]
        except (OSError, ValueError, KeyError, TypeError):  # no file, or one of another origin
            continue
    return []


def _is_due(runner: Any) -> bool:
    if not isinstance(runner.train_loop, IterBasedTrainLoop) or runner.val_loop is None:
        return False
    on_schedule = runner.iter % runner.val_interval == 0 or runner.iter == runner.max_iters
    return runner.iter > 0 and runner.iter >= runner.val_begin and on_schedule


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) or getattr(value, 'ndim', None) == 0


def _kept(runner: Any, iteration: int) -> str | None:
    """Return the name of an iteration's checkpoint, if it is still there."""
    for hook in (hook for hook in runner.hooks if isinstance(hook, CheckpointHook)):
        number = iteration
        if hook.by_epoch:  # a loop that counts iterations has one epoch
            number = iteration * runner.max_epochs // runner.max_iters
        name = glob.escape(hook.filename_tmpl.format(number))
        found = sorted([*Path(hook.out_dir).glob(f'best_*_{name}'), *Path(hook.out_dir).glob(name)])
        if found:
            return found[0].name
    return None


def _without_pipelines(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_pipelines(node[key]) for key in node if key != 'pipeline'}
    if isinstance(node, (list, tuple)):
        return [_without_pipelines(item) for item in node]
    return node
