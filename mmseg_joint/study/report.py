from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

from mmseg_joint.engine.gradient_cosine_hook import COSINE, HELD_OUT
from mmseg_joint.utils.atomic_write import atomic_write
from mmseg_joint.visualization.figures import save_figure

from .advice import advise, needed_in_words, source_in_words
from .cells import Cell
from .figure import draw_study
from .methods import JOINT, METHODS, SOURCE_ONLY, TARGET_ONLY
from .page import items, table, to_html
from .results import Results, is_uneven
from .statistics import Gain, signed
from .study import Study

NOTHING = '-'
REPORT, RUNS = 'report', 'runs.csv'


def write_report(study: Study) -> Path:
    """Write the report of the finished runs of a study: Markdown, one HTML page, PNG and CSV.

    Raises:
        JointError: When runs that belong together were trained differently, or a file cannot be
            written.
    """
    results, folder = Results.read(study), study.folder
    if results.measured:
        save_figure(draw_study(results), folder / f'{REPORT}.png')
    text = '\n\n'.join(_blocks(results)) + '\n'
    atomic_write(folder / RUNS, _runs(results))
    atomic_write(folder / f'{REPORT}.html', to_html(text, folder))
    atomic_write(folder / f'{REPORT}.md', text)
    return folder / f'{REPORT}.md'


def _blocks(results: Results) -> list[str]:
    """Return the report's blocks of Markdown."""
    study = results.study
    blocks = [f'# Study of {Path(study.config).name}', items(advise(results))]
    if study.options:
        changed = ', '.join(f'`{key}={value}`' for key, value in study.options.items())
        blocks.insert(1, f'Changed in it: {changed}.')
    if results.measured:
        blocks += [
            f'![Scores over labels, gains, and gains of each class]({REPORT}.png)',
            '## Scores',
            _scores(results),
            _legend(results),
            *_needed_from(results),
            *_classes(results),
            '## Cost',
            *_costs(results),
            *_watched(results),
        ]
    blocks += ['## Methods', items([f'{name}: {METHODS[name].title}.' for name in study.names])]
    chosen = [f'{stem}, {text}' for stem, texts in study.chosen.items() for text in texts]
    if chosen:
        blocks += ['Chosen for this model and schedule:', items(chosen)]
    if study.unseen:
        blocks += ['## Classes without a label', items(study.unseen)]
    unfinished = [f'{run.folder}: {run.reached}' for c in results.cells for run in c.unfinished]
    if unfinished:
        blocks += ['## Unfinished, not counted', items(unfinished)]
    return blocks


def _scores(results: Results) -> str:
    names = results.study.names
    others = [TARGET_ONLY, *([JOINT] if JOINT in names and len(names) > 1 else [])]
    head = ['method', 'labels', 'mIoU', *(f'over {name} (95 %)' for name in others)]
    rows = []
    for cell in results.measured:
        spread = '' if cell.deviation is None else f' ± {cell.deviation:.1f}'
        needed = results.needed(cell)
        rows.append(
            [
                cell.row.name,
                _labels(results, cell),
                f'{cell.mean:.1f}{spread}',
                *(_gain(_gain_over(results, cell, other)) for other in others),
                needed_in_words(needed) if needed else NOTHING,
                str(len(cell.runs)),
            ]
        )
    return table([*head, f'labels that {TARGET_ONLY} needs', 'seeds'], rows)


def _gain_over(results: Results, cell: Cell, other: str) -> Gain | None:
    return results.gain(cell, other) if cell.labels or other == TARGET_ONLY else None


def _labels(results: Results, cell: Cell) -> str:
    return f'{cell.labels} (all)' if cell.labels == results.study.total else str(cell.labels)


def _gain(gain: Gain | None, interval: bool = True) -> str:
    """Format a gain; bold where its interval excludes 0."""
    if gain is None:
        return NOTHING
    text = signed(gain.mean)
    if interval and gain.low is not None and gain.high is not None:
        text += f' ({signed(gain.low)} to {signed(gain.high)})'
    return f'**{text}**' if gain.excludes_zero else text


def _legend(results: Results) -> str:
    unlabeled = (
        f' With 0 labels the gain is that over {SOURCE_ONLY}.' if 0 in results.counts else ''
    )
    return (
        'mIoU in percent on val_dataloader after the last iteration, no checkpoint is chosen; mean '
        '± standard deviation of the seeds. A gain is the mean of the differences seed by seed '
        '(a seed determines labeled images, order and first weights for all methods), with '
        "Student's 95 % interval; it is bold, and called a gain, only where the interval excludes "
        f'0.{unlabeled} "Labels that {TARGET_ONLY} needs" for the same score are read from its '
        'curve, linear in the logarithm of the labels; the interval holds the numbers that the '
        'seeds do not exclude.'
    )


def _needed_from(results: Results) -> list[str]:
    """Name the runs that the numbers of labels are based on."""
    found: dict[str, dict[str, list[int]]] = {}  # source of the number -> method -> its labels
    for cell in results.measured:
        needed = results.needed(cell)
        if needed:
            methods = found.setdefault(source_in_words(needed), {})
            methods.setdefault(cell.row.name, []).append(cell.labels or 0)
    lines = []
    for source, methods in found.items():
        names = [f'{name} ({", ".join(map(str, counts))})' for name, counts in methods.items()]
        lines.append(f'{", ".join(names)}: {source}')
    return [f'The labels that {TARGET_ONLY} needs are read from:', items(lines)] if lines else []


def _classes(results: Results) -> list[str]:
    blocks: list[str] = []
    for count in results.counts:
        cells = [cell for cell in results.at(count) if results.base_of(cell)]
        base = results.base_of(cells[0]) if cells else None
        if base is None or not results.classes:
            continue
        means = results.class_means(base)
        gains = [results.class_gains(cell) for cell in cells]
        rows = [
            [name, f'{means[name]:.1f}', *(_gain(found.get(name), False) for found in gains)]
            for name in results.classes
            if name in means
        ]
        head = ['class', f'IoU of {base.row.name}', *(cell.row.name for cell in cells)]
        blocks += [f'## Gain of each class with {count} labels', table(head, rows)]
    return blocks


def _costs(results: Results) -> list[str]:
    rows = []
    for cell in results.measured:
        own, memory = results.seconds(cell), results.memory(cell)
        base = results.base_of(cell)
        other = results.seconds(base) if base else []
        mark = '?' if is_uneven(own) or is_uneven(other) else ''
        ratio = f'{median(own) / median(other):.1f}{mark}' if own and other else NOTHING
        rows.append(
            [
                cell.row.name,
                _labels(results, cell),
                _speed(own),
                ratio,
                ' + '.join(map(str, cell.iterations)),
                f'{memory / 1024:.1f}' if memory else NOTHING,
            ]
        )
    head = ['method', 'labels', 's/step', f'of {TARGET_ONLY}', 'iterations', 'memory (GiB)']
    blocks = [table(head, rows)]
    if any(is_uneven(results.seconds(cell)) for cell in results.measured):
        blocks.append(
            'Seconds are the median of the runs, and the fastest and slowest where these differ '
            'by more than half: the machine was busy with other things, so a ratio with a question '
            'mark may come from its load.'
        )
    return blocks


def _speed(seconds: Sequence[float]) -> str:
    if not seconds:
        return NOTHING
    text = f'{median(seconds):.3g}'
    ends = f' ({seconds[0]:.3g} to {seconds[-1]:.3g})'
    return f'{text}{ends}' if is_uneven(seconds) else text


def _watched(results: Results) -> list[str]:
    """Show whether source and target gradients agree, where this was measured."""
    rows = []
    for cell in results.measured:
        runs = [run.watched for run in cell.runs if COSINE in run.watched]
        if runs:
            halves = zip(*(np.array_split(run[COSINE], 2) for run in runs))
            # a run with one measurement has no second half
            means = [[half.mean() for half in part if half.size] for part in halves]
            held_out = [run[HELD_OUT] for run in runs if HELD_OUT in run]
            losses = [np.mean([loss[part] for loss in held_out]) for part in (0, -1) if held_out]
            texts = [signed(float(np.mean(part)), 2) if part else NOTHING for part in means]
            texts += [f'{loss:.2f}' for loss in losses] or [NOTHING] * 2
            rows.append([cell.row.name, _labels(results, cell), *texts])
    if not rows:
        return []
    head = ['method', 'labels', 'cosine, first half', 'second half', 'held-out loss, first', 'last']
    text = (
        "Cosine of the source's and the target's supervised gradients on the backbone: above 0 a "
        "step on the source lowers the target's loss too, below 0 it raises it. Held-out loss: "
        'cross-entropy on source images that are not trained on.'
    )
    return ['## Do source and target agree?', table(head, rows), text]


def _runs(results: Results) -> str:
    """List every finished run, one per line."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(
        ['method', 'labels', 'seed', 'mIoU', 'seconds', 'memory', 'folder', *results.classes]
    )
    for cell in results.measured:
        for run in cell.runs:
            values = [run.classes.get(name, '') for name in results.classes]
            facts = [run.miou, run.seconds or '', run.memory or '', run.folder]
            writer.writerow([cell.row.name, cell.labels, run.seed, *facts, *values])
    return stream.getvalue()
