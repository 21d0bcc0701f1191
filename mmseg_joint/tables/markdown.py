from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import mean, stdev

from .measure import Cell, base_of
from .rows import PAPER, SCALES, Table, TableRow

NOTHING = '-'


def list_table(table: Table, recorded: bool = False) -> str:
    """Write which config runs which row, and the paper's numbers.

    Args:
        table: The table.
        recorded: Link the configs, and add what the metafiles record of our own runs.

    Returns:
        Markdown.
    """
    scales = [scale for scale in SCALES if table.at(scale)]
    ours = {row.scale for row in table.rows if row.measured and recorded}
    head = ['row', 'labels', 'mIoU in the paper']
    for scale in scales:
        name = '' if scale == PAPER else f'{scale} '
        head += [f'{name}config', *([f'{name}mIoU, measured'] if scale in ours else [])]
    lines = []
    for row in table.at(PAPER):
        line = [row.name, *(' · '.join(str(pair[part]) for pair in row.miou) for part in (0, 1))]
        for scale in scales:
            sibling = row if scale == PAPER else _sibling(table, row, scale)
            line.append(_code(sibling, recorded))
            line += [_recorded(sibling)] if scale in ours else []
        lines.append(line)
    return '\n'.join([_heading(table, PAPER), '', *_lines(head, lines)])


def _sibling(table: Table, row: TableRow, scale: str) -> TableRow | None:
    for other in table.at(scale):
        # a row may have a config without labels beside the one with them
        if other.name == row.name and (other.labels() == 0) == (row.labels() == 0):
            return other
    return None


def _code(row: TableRow | None, link: bool = False) -> str:
    if row is None or row.path is None:
        return NOTHING
    return f'[`{row.stem}`]({row.path.name})' if link else f'`{row.stem}`'


def _recorded(row: TableRow | None) -> str:
    return ', '.join(row.measured if row else ()) or NOTHING


def write_table(table: Table, cells: Sequence[Cell], scale: str) -> str:
    """Write what was measured beside what the paper reports.

    Args:
        table: The table.
        cells: Its rows, measured.
        scale: At which scale.

    Returns:
        Markdown: the table, and below it the runs that do not count and why.
    """
    columns, lines = _at_paper(cells) if scale == PAPER else _elsewhere(table, cells)
    notes = [*_changed(cells), *_unfinished(cells), *_without_config(table, scale)]
    body = [(_name(c), _labels(c), *line, *_tail(c)) for c, line in zip(cells, lines)]
    head = ('row', 'labels', *columns, 'seeds', 'iterations', 'config')
    text = [_heading(table, scale), '', *_lines(head, body), '', _legend(cells)]
    return '\n'.join([*text, *(line for note in notes for line in ('', note))])


def _heading(table: Table, scale: str) -> str:
    return f'### {table.heading(scale)} (`{table.id}`)'


def _lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    rule = ['---'] * len(head)
    return [f'| {" | ".join(cells)} |' for cells in (head, rule, *rows)]


def _name(cell: Cell) -> str:
    return cell.row.name


def _labels(cell: Cell) -> str:
    return 'all' if cell.labels is None else str(cell.labels)


def _at_paper(cells: Sequence[Cell]) -> tuple[list[str], list[list[str]]]:
    lines = [
        [
            NOTHING if cell.paper is None else str(cell.paper),
            _measured(cell, _decimals(cell.paper)),
            _difference(cell.mean, cell.paper, _decimals(cell.paper)),
        ]
        for cell in cells
    ]
    return ['paper', 'measured', 'difference'], lines


def _elsewhere(table: Table, cells: Sequence[Cell]) -> tuple[list[str], list[list[str]]]:
    """On other data only the gain over the base can be compared with the paper's.

    It is taken seed by seed, since a seed's draw of the labelled pictures moves all rows alike.
    """
    name, lines = table.base, []
    for cell in cells:
        base = base_of(table, cells, cell)
        compared = (
            [_gain(cell.gains(base)), _paper_difference(table, cell)] if base else [NOTHING] * 2
        )
        lines.append([_measured(cell), *compared])
    head = ['measured', f'over {name}', 'the same in the paper']
    shown = [0, *(part for part in (1, 2) if any(line[part] != NOTHING for line in lines))]
    return [head[part] for part in shown], [[line[part] for part in shown] for line in lines]


def _gain(gains: Sequence[float]) -> str:
    if not gains:
        return NOTHING
    spread = f' ± {stdev(gains):.1f}' if len(gains) > 1 else ''
    return f'{mean(gains):+.1f}{spread}'


def _paper_difference(table: Table, cell: Cell) -> str:
    """How far the row is over the base in the paper, if it has but one number for each."""
    found = []
    for name in (cell.row.name, table.base):
        rows = [row for row in table.at(PAPER) if row.name == name]
        if len(rows) != 1 or len(rows[0].miou) != 1:
            return NOTHING
        found.append(rows[0].miou[0][1])
    own, base = found
    return _difference(own, base)


def _tail(cell: Cell) -> tuple[str, str, str]:
    seeds = str(len(cell.runs)) if cell.row.path else NOTHING
    if cell.unfinished:
        seeds += f' ({len(cell.unfinished)} unfinished)'
    return seeds, ' + '.join(map(str, cell.iterations)) or NOTHING, _code(cell.row)


def _decimals(paper: float | None) -> int:
    """As many as the paper gives; some tables differ in the second one only."""
    return 1 if paper is None else max(1, len(str(paper).partition('.')[2]))


def _measured(cell: Cell, decimals: int = 1) -> str:
    if cell.mean is None:
        return NOTHING
    spread = '' if cell.deviation is None else f' ± {cell.deviation:.{decimals}f}'
    return f'{cell.mean:.{decimals}f}{spread}'


def _difference(value: float | None, other: float | None, decimals: int = 1) -> str:
    return NOTHING if value is None or other is None else f'{value - other:+.{decimals}f}'


def _legend(cells: Sequence[Cell]) -> str:
    several = any(cell.deviation is not None for cell in cells)
    spread = ', mean ± standard deviation of the seeds' if several else ''
    return f'mIoU in percent after the last iteration{spread}.'


def _changed(cells: Sequence[Cell]) -> list[str]:
    changes = [(cell, cell.change) for cell in cells]
    found = [
        f'{_name(cell)}, {_labels(cell)} labels ({change})' for cell, change in changes if change
    ]
    return [f'Trained otherwise than the config says: {", ".join(found)}.'] if found else []


def _unfinished(cells: Sequence[Cell]) -> list[str]:
    runs = [f'`{run.folder}` ({run.reached})' for cell in cells for run in cell.unfinished]
    return [f'Unfinished, not counted: {", ".join(runs)}.'] if runs else []


def _without_config(table: Table, scale: str) -> list[str]:
    present = {row.name for row in table.at(scale)}
    missing = [name for name in table.names if name not in present]
    ran = [name for name in missing if name not in table.quoted]
    return [f'Without a config at this scale: {", ".join(ran)}.'] if ran else []
