from __future__ import annotations

from typing import Any

PREDICTION, WAITING = 1.1, 0.05  # at most


def as_markdown(report: dict[str, Any]) -> str:
    """Write the numbers of `tools/gpu_report.py` as tables, as far as they came.

    Args:
        report: What the tool writes as JSON.

    Returns:
        Markdown.
    """
    machine, parts = report['machine'], report['parts']
    lines = [f'# {machine["device"]}, torch {machine["torch"]}, Python {machine["python"]}', '']
    if machine['rehearsal']:
        lines += ['**A rehearsal: these numbers say nothing of a GPU.**', '']
    lines += ['| part | status | s |', '|---|---|---|']
    lines += [f'| {n} | {p["status"]} | {p.get("seconds", "")} |' for n, p in parts.items()]
    if 'tests' in parts:
        lines += ['', *[f'    {line}' for line in parts['tests'].get('tail', [])[-3:]]]
    steps = [p['numbers'] for n, p in parts.items() if n.startswith('steps') and 'numbers' in p]
    lines += _steps(steps) if steps else []
    numbers = {name: part['numbers'] for name, part in parts.items() if 'numbers' in part}
    lines += _sequential(numbers['sequential']) if 'sequential' in numbers else []
    lines += _waiting(numbers['waiting']) if 'waiting' in numbers else []
    lines += _loading(numbers['loading'], steps) if 'loading' in numbers else []
    lines += _host_waits(steps)
    return '\n'.join([*lines, ''])


def _steps(found: list[dict[str, Any]]) -> list[str]:
    lines = [
        '',
        f'## Steps (target: at most {PREDICTION} of what FLOPs predict from the plain step)',
        '',
        '| config | variant | steps/s | images/s | spread | peak GiB | plain steps/s | '
        'of prediction | waits |',
        '|---|---|---|---|---|---|---|---|---|',
    ]
    for one in found:
        name = f'{one["config"]} {one["size"][0]}x{one["size"][1]}'
        for row in one['rows']:
            if 'error' in row:
                lines.append(f'| {name} | {row["variant"]} | {row["error"]} ||||||||')
                continue
            joint, plain = row['joint'], row.get('plain')
            waits = joint.get('host_waits')
            cells = [
                name,
                row['variant'],
                f'{joint["steps_per_s"]:.2f}',
                f'{joint["images_per_s"]:.1f}',
                f'{100 * joint["spread"]:.1f} %',
                f'{joint["peak_memory"] / 2**30:.2f}' if joint['peak_memory'] else '',
                f'{plain["steps_per_s"]:.2f}' if plain else '',
                f'{row["of_prediction"]:.3f}{_met(row["of_prediction"], PREDICTION)}'
                if plain
                else '',
                '' if waits is None else str(sum(waits.values())),
            ]
            lines.append(f'| {" | ".join(cells)} |')
    return lines


def _sequential(found: dict[str, Any]) -> list[str]:
    lines = ['', '## Beside the sequential loop in float32', '']
    lines += ['| variant | of the loop | half of the steps | target |', '|---|---|---|---|']
    for one in found.values():
        for name, ratio in one['ratios'].items():
            target = one['targets'].get(name)
            met = f'{target}{_met(ratio["median"], target)}' if target else ''
            spread = f'{ratio["low"]:.3f}-{ratio["high"]:.3f}'
            lines.append(f'| {name} | {ratio["median"]:.3f} | {spread} | {met} |')
    return lines


def _waiting(found: dict[str, Any]) -> list[str]:
    lines = [
        '',
        f'## Waiting for data, HRS in bf16, {found["workers"]} workers '
        f'(target: at most {100 * WAITING:.0f} %)',
        '',
        f'With a batch in memory {found["in_memory_steps_per_s"]:.2f} steps/s.',
        '',
        '| files | steps/s | waiting |',
        '|---|---|---|',
    ]
    for form, one in found.items():
        if isinstance(one, dict):
            share = f'{100 * one["waiting"]:.1f} %{_met(one["waiting"], WAITING)}'
            lines.append(f'| {form} | {one["steps_per_s"]:.2f} | {share} |')
    return lines


def _loading(found: dict[str, Any], steps: list[dict[str, Any]]) -> list[str]:
    eaten = [
        row['joint']['images_per_s']
        for one in steps
        if one['config'].startswith('hrs')
        for row in one['rows']
        if 'joint' in row
    ]
    lines = ['', f'## Loading alone, {found["workers"]} workers', '']
    lines += ['| files | images/s |', '|---|---|']
    for form, rate in found.items():
        if form not in ('workers', 'size'):
            lines.append(f'| {form} | {rate:.1f} |')
    return [*lines, f'| HRS eats at most | {max(eaten):.1f} |'] if eaten else lines


def _host_waits(steps: list[dict[str, Any]]) -> list[str]:
    found: dict[str, int] = {}
    for one in steps:
        for row in one['rows']:
            for place, count in (row.get('joint', {}).get('host_waits') or {}).items():
                found[place] = max(found.get(place, 0), count)
    if not found:
        return []
    lines = ['', '## What the host waits for in a step (most often seen)', '']
    return [
        *lines,
        '| where | times |',
        '|---|---|',
        *(f'| `{p}` | {n} |' for p, n in found.items()),
    ]


def _met(value: float, target: float) -> str:
    return ' (met)' if value <= target else f' (missed, {target})'
