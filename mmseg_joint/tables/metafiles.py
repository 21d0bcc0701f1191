from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from mmseg_joint.errors import JointError
from mmseg_joint.study.rows import PAPER, Row

from .rows import SCALES, Table

INDEX = 'model-index.yml'
OURS, OURS_STD, PAPERS = 'mIoU', 'mIoU(std)', 'mIoU(paper)'
KEYS = ('Table', 'Row', 'Scale', 'Labels', 'Metrics', 'Seeds', 'Task', 'Dataset')


@dataclass(frozen=True)
class Metafile:
    """A metafile in mmseg's form."""

    path: Path
    root: Path  #: folder that its `Config` entries are relative to: that of the index
    collections: list[dict[str, Any]]  #: name, paper and page of papers, with their tables
    models: list[dict[str, Any]]  #: name, collection and config, with the rows it runs


def read_metafiles(index: str | Path) -> list[Metafile]:
    """Read the metafiles that a `model-index.yml` imports.

    Raises:
        JointError: When a file is missing or is not YAML of that form, or a model's `Config`
            is not a file.
    """
    root = Path(index).parent
    found = []
    for name in _read_yaml(Path(index), 'Import')['Import']:
        path = root / name
        content = _read_yaml(path, 'Collections', 'Models')
        for model in content['Models']:
            config = model.get('Config') if isinstance(model, dict) else None
            if not isinstance(config, str) or not (root / config).is_file():
                _refuse(path, f'names the config {config!r}, which is no file', 'correct its path')
        found.append(Metafile(path, root, content['Collections'], content['Models']))
    return found


def read_tables(index: str | Path) -> list[Table]:
    """Read from the metafiles which config runs which row of which table.

    A collection states its tables, and a model's `Results` state the rows that it runs ::

        Tables: {hrs1: {Number: 1, Title: …, Rows: [FCN, …], Base: FCN, Quoted: {ROAD: 35.9}}}
        Results: {Table: hrs1, Row: FCN, Labels: 2975, Metrics: {mIoU(paper): 65.3}, …}
        Results: {Table: hrs1, Row: FCN, Scale: camvid, Labels: 12, Metrics: {mIoU: 48.5}, …}

    Raises:
        JointError: When a result names no row of a table, or two configs state the same one.
    """
    files = read_metafiles(index)
    stated: dict[str, tuple[str, dict[str, Any]]] = {}
    for file in files:
        for collection in file.collections:
            for key, table in _tables_of(file, collection):
                if key in stated:
                    _refuse(file.path, f'states the table "{key}" again', 'give it another id')
                stated[key] = collection['Name'], table
    rows: dict[str, list[Row]] = {
        key: [
            Row(name, PAPER, ((0, miou),), None) for name, miou in table.get('Quoted', {}).items()
        ]
        for key, (_, table) in stated.items()
    }
    names = {key: tuple(map(str, table['Rows'])) for key, (_, table) in stated.items()}
    for file in files:
        for model in file.models:
            for key, row in _rows_of(file, model, names):
                _check_alone(row, rows[key], file)
                rows[key].append(row)
    found = []
    for key, (paper, table) in stated.items():
        places = {name: place for place, name in enumerate(names[key])}
        own = sorted(rows[key], key=lambda r: (SCALES.index(r.scale), places[r.name], r.miou))
        number, base = str(table.get('Number', '')), table.get('Base')
        found.append(Table(key, names[key], base, tuple(own), paper, number, table['Title']))
    return found


def _read_yaml(path: Path, *lists: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except FileNotFoundError as error:
        raise JointError(f'There is no {path}: correct the path.') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, 'problem_mark', None)
        where = f', line {mark.line + 1},' if mark else ''
        raise JointError(f'{path}{where} is no YAML: correct it.') from error
    for key in lists:
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            _refuse(path, f'has no list "{key}"', 'add one')
    return content


def _tables_of(file: Metafile, collection: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, table in (collection.get('Tables') or {}).items():
        names = table.get('Rows') or []
        if not names or 'Title' not in table:
            _refuse(file.path, f'lacks information on table {key}', 'give its Title and its Rows')
        used = [*table.get('Quoted', ()), *filter(None, [table.get('Base')])]
        for name in used:
            _choose(file.path, f'names the row "{name}" of table {key}', name, names)
        yield key, table


def _rows_of(
    file: Metafile, model: dict[str, Any], names: dict[str, tuple[str, ...]]
) -> Iterator[tuple[str, Row]]:
    """Return the rows that one config runs; a row's results differ in the number of labels."""
    stated = model.get('Results') or []
    rows: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for result in stated if isinstance(stated, list) else [stated]:
        rows.setdefault(_check_result(result, names, file.path), []).append(result)
    for (table, name, scale), results in rows.items():
        labels = [result.get('Labels') for result in results]
        if len(set(labels)) < len(labels):
            _refuse(file.path, f'has the row "{name}" of {table} twice with as many labels')
        paper = [(r['Labels'], r['Metrics'][PAPERS]) for r in results if PAPERS in r['Metrics']]
        ours = tuple(_ours(result) for result in results if OURS in result['Metrics'])
        path = file.root / model['Config']
        yield table, Row(name, scale, tuple(sorted(paper)), path, ours)


def _check_result(
    result: Any, names: dict[str, tuple[str, ...]], path: Path
) -> tuple[str, str, str]:
    if not isinstance(result, dict):
        _refuse(path, f'has the result {result!r}', 'give Table, Row, Labels and Metrics')
    for key in result:
        _choose(path, f'has the key "{key}" in a result', key, KEYS)
    table, name = str(result.get('Table')), str(result.get('Row'))
    scale = str(result.get('Scale', PAPER))
    _choose(path, f'names the table "{table}"', table, names)
    _choose(path, f'names the row "{name}" of {table}', name, names[table])
    _choose(path, f'has the scale "{scale}"', scale, SCALES)
    metrics, where = result.get('Metrics'), f'in the row "{name}" of {table}'
    if not isinstance(metrics, dict) or (PAPERS in metrics) != (scale == PAPER):
        _refuse(
            path,
            f'has the Metrics {metrics} at the scale "{scale}" {where}',
            f"give {PAPERS}, the paper's number, at the scale 'paper', and only there",
        )
    for key, value in metrics.items():
        _choose(path, f'has the metric "{key}" {where}', key, (PAPERS, OURS, OURS_STD))
        least = 0 if key == OURS_STD else 1e-9
        if not isinstance(value, (int, float)) or not least <= value < 100:
            _refuse(path, f'has {key}={value!r} {where}', 'give a percentage, like 65.3')
    counts = {key: result.get(key) for key in ('Labels', 'Seeds')}
    needed = {'Labels': scale == PAPER, 'Seeds': OURS in metrics}
    for key, count in counts.items():
        if (count is not None or needed[key]) and (type(count) is not int or count < 0):
            _refuse(path, f'has {key}={count} {where}', 'give their number')
    return table, name, scale


def _ours(result: dict[str, Any]) -> str:
    metrics = result['Metrics']
    spread = f' ± {metrics[OURS_STD]}' if OURS_STD in metrics else ''
    seeds = result['Seeds']
    of = f'{result.get("Labels", "all")} labels, {seeds} seed{"s" * (seeds != 1)}'
    return f'{metrics[OURS]}{spread} ({of})'


def _check_alone(row: Row, others: list[Row], file: Metafile) -> None:
    """Refuse two configs for the same row, unless they have different numbers of labels."""
    for other in others:
        counts = {labels for labels, _ in row.miou} & {labels for labels, _ in other.miou}
        if (row.name, row.scale) == (other.name, other.scale) and (counts or not row.miou):
            _refuse(
                file.path,
                f'has {row.path} and {other.path} for the same row ("{row.name}", scale '
                f'"{row.scale}")',
            )


def _choose(path: Path, what: str, value: Any, known: Any) -> None:
    if value not in known:
        _refuse(path, what, f'choose from {", ".join(map(str, known))}')


def _refuse(path: Path, what: str, remedy: str = 'keep one') -> NoReturn:
    raise JointError(f'{path} {what}: {remedy}.')
