from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .report import spread

PREDICTION, WAITING = 1.1, 0.05  # upper limits
Verdict = Callable[[float, float], str]


def as_markdown(report: dict[str, Any]) -> str:
    """Write the JSON of `tools/gpu_report.py` as Markdown tables, as far as it has numbers."""
    machine, parts = report['machine'], report['parts']
    # a rehearsal gets no verdicts: its numbers are another machine's
    met = (lambda value, target: '') if machine['rehearsal'] else _met
    lines = [f'# {machine["device"]}, torch {machine["torch"]}, Python {machine["python"]}', '']
    if machine['rehearsal']:
        lines += ['**A rehearsal: these numbers say nothing about a GPU.**', '']
    rows = [(name, part['status'], part.get('seconds', '')) for name, part in parts.items()]
    lines += _table(('part', 'status', 's'), rows)
    if 'tests' in parts:
        lines += ['', *[f'    {line}' for line in parts['tests'].get('tail', [])[-3:]]]
    numbers = {name: part['numbers'] for name, part in parts.items() if 'numbers' in part}
    steps = [found for name, found in numbers.items() if name.startswith('steps')]
    lines += _steps(steps, met) if steps else []
    lines += _sequential(numbers['sequential'], met) if 'sequential' in numbers else []
    lines += _waiting(numbers['waiting'], met) if 'waiting' in numbers else []
    lines += _loading(numbers['loading'], steps) if 'loading' in numbers else []
    lines += _host_waits(steps)
    return '\n'.join([*lines, ''])


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    lines = [f'| {" | ".join(map(str, row))} |' for row in (head, *rows)]
    return [lines[0], '|---' * len(head) + '|', *lines[1:]]


def _section(title: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    return ['', f'## {title}', '', *_table(head, rows)]


def _steps(found: list[dict[str, Any]], met: Verdict) -> list[str]:
    head = ['config', 'variant', 'steps/s', 'images/s', 'spread', 'peak GiB']
    head += ['plain steps/s', 'of prediction', 'waits']
    rows = []
    for one in found:
        name = f'{one["config"]} {one["size"][0]}x{one["size"][1]}'
        for row in one['rows']:
            cells = [name, row['variant'], *_step(row, met)]
            rows.append(cells + [''] * (len(head) - len(cells)))
    title = f'Steps (target: at most {PREDICTION} of what FLOPs predict from the plain step)'
    return _section(title, head, rows)


def _step(row: dict[str, Any], met: Verdict) -> list[str]:
    if 'error' in row:
        return [row['error']]
    joint, plain, waits = row['joint'], row.get('plain'), row['joint'].get('host_waits')
    found = row.get('of_prediction', 0)
    return [
        f'{joint["steps_per_s"]:.2f}',
        f'{joint["images_per_s"]:.1f}',
        f'{100 * joint["spread"]:.1f} %',
        f'{joint["peak_memory"] / 2**30:.2f}' if joint['peak_memory'] else '',
        f'{plain["steps_per_s"]:.2f}' if plain else '',
        f'{found:.3f}{met(found, PREDICTION)}' if plain else '',
        '' if waits is None else str(sum(waits.values())),
    ]


def _sequential(found: dict[str, Any], met: Verdict) -> list[str]:
    rows = []
    for one in found.values():
        for name, ratio in one['ratios'].items():
            target = one['targets'].get(name)
            goal = f'{target}{met(ratio["median"], target)}' if target else ''
            rows.append((name, f'{ratio["median"]:.3f}', spread(ratio), goal))
    head = ('variant', 'of the loop', 'half of the steps', 'target')
    return _section('Beside the sequential loop in float32', head, rows)


def _waiting(found: dict[str, Any], met: Verdict) -> list[str]:
    rows = [('none: a batch in memory', f'{found["in_memory_steps_per_s"]:.2f}', '', '')]
    for form, one in found.items():
        if isinstance(one, dict):
            waiting = f'{100 * one["waiting"]:.1f} %{met(one["waiting"], WAITING)}'
            taken = f'{1e3 * one["next_seconds"]:.1f}'
            rows.append((form, f'{one["steps_per_s"]:.2f}', waiting, taken))
    title = f'Waiting for data, HRS in bf16, {found["workers"]} workers '
    title += f'(target: at most {100 * WAITING:.0f} %)'
    return _section(title, ('files', 'steps/s', 'waiting', 'ms for the next batch'), rows)


def _loading(found: dict[str, Any], steps: list[dict[str, Any]]) -> list[str]:
    rates = {form: rate for form, rate in found.items() if form not in ('workers', 'size')}
    hrs = [row for one in steps if one['config'].startswith('hrs') for row in one['rows']]
    if eaten := [row['joint']['images_per_s'] for row in hrs if 'joint' in row]:
        rates['HRS eats at most'] = max(eaten)
    rows = [(form, f'{rate:.1f}') for form, rate in rates.items()]
    return _section(f'Loading alone, {found["workers"]} workers', ('files', 'images/s'), rows)


def _host_waits(steps: list[dict[str, Any]]) -> list[str]:
    found: Counter[str] = Counter()
    for row in (row for one in steps for row in one['rows']):
        found |= Counter(row.get('joint', {}).get('host_waits') or {})  # the larger of both
    rows = [(f'`{place}`', count) for place, count in found.items()]
    title = 'What the host waits for in a step (most often seen)'
    return _section(title, ('where', 'times'), rows) if rows else []


def _met(value: float, target: float) -> str:
    return ' (met)' if value <= target else f' (missed, {target})'
