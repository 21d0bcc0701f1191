from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev

from mmseg_joint.study.cells import Cell, base_of
from mmseg_joint.study.page import table as markdown_table
from mmseg_joint.study.rows import PAPER, Row
from mmseg_joint.study.statistics import paired, signed

from .rows import SCALES, Table

NOTHING = '-'


def list_table(table: Table, recorded: bool = False) -> str:
    """List which config runs which row, with the paper's numbers.

    `recorded` links the configs and adds the metafiles' records of our own runs.
    """
    scales = [scale for scale in SCALES if table.at(scale)]
    ours = {row.scale for row in table.rows if row.measured and recorded}
    # for a table of our own, the small scale that most rows have
    lead = max(scales, key=lambda s: (s == PAPER, len(table.at(s))), default=PAPER)
    head = ['row', 'labels', *(['mIoU in the paper'] if lead == PAPER else [])]
    for scale in scales:
        name = '' if scale == PAPER else f'{scale} '
        head += [f'{name}config', *([f'{name}mIoU, measured'] if scale in ours else [])]
    lines = []
    for row in table.at(lead):
        line = [row.name, *(' · '.join(str(pair[part]) for pair in row.miou) for part in (0, 1))]
        if lead != PAPER:
            line[1:] = [str(row.labels())]
        for scale in scales:
            sibling = row if scale == lead else _sibling(table, row, scale)
            line.append(_code(sibling, recorded))
            line += [_recorded(sibling)] if scale in ours else []
        lines.append(line)
    return f'{_heading(table, lead)}\n\n{markdown_table(head, lines, "---")}'


def _sibling(table: Table, row: Row, scale: str) -> Row | None:
    for other in table.at(scale):
        # a row may have a config without labels beside the one with them
        if other.name == row.name and (other.labels() == 0) == (row.labels() == 0):
            return other
    return None


def _code(row: Row | None, link: bool = False) -> str:
    if row is None or row.path is None:
        return NOTHING
    return f'[`{row.stem}`]({row.path.name})' if link else f'`{row.stem}`'


def _recorded(row: Row | None) -> str:
    return ', '.join(row.measured if row else ()) or NOTHING


def write_table(table: Table, cells: Sequence[Cell], scale: str) -> str:
    """Write the measured numbers next to the paper's, and name the runs that do not count."""
    columns, lines = _at_paper(cells) if scale == PAPER else _elsewhere(table, cells)
    body = [(c.row.name, _labels(c), *line, *_tail(c)) for c, line in zip(cells, lines)]
    head = ('row', 'labels', *columns, 'seeds', 'iterations', 'config')
    text = [_heading(table, scale), markdown_table(head, body, '---'), _legend(cells)]
    return '\n\n'.join([*text, *_notes(table, cells, scale)])


def _heading(table: Table, scale: str) -> str:
    return f'### {table.heading(scale)} (`{table.id}`)'


def _labels(cell: Cell) -> str:
    return 'all' if cell.labels is None else str(cell.labels)


def _at_paper(cells: Sequence[Cell]) -> tuple[list[str], list[list[str]]]:
    lines = []
    for cell in cells:
        # as many decimals as the paper gives; some tables differ in the second one only
        decimals = max(1, len(str(cell.paper or '').partition('.')[2]))
        measured = _number(cell.mean, cell.deviation, decimals)
        difference = _number(_minus(cell.mean, cell.paper), None, decimals, sign=True)
        lines.append([str(cell.paper or NOTHING), measured, difference])
    return ['paper', 'measured', 'difference'], lines


def _elsewhere(table: Table, cells: Sequence[Cell]) -> tuple[list[str], list[list[str]]]:
    """Build the table for other data, where only the gain over the base compares with the paper.

    The gain is paired by seed, since a seed's draw of labeled images moves all rows alike.
    """
    lines = []
    for cell in cells:
        base = base_of(table, cells, cell)
        gains = paired(cell.scores(), base.scores()) if base else []
        gain = _number(
            mean(gains) if gains else None, stdev(gains) if len(gains) > 1 else None, sign=True
        )
        papers = _number(_paper_gain(table, cell) if base else None, sign=True)
        lines.append([_number(cell.mean, cell.deviation), gain, papers])
    head = ['measured', f'over {table.base}', 'the same in the paper']
    shown = [0, *(part for part in (1, 2) if any(line[part] != NOTHING for line in lines))]
    return [head[part] for part in shown], [[line[part] for part in shown] for line in lines]


def _paper_gain(table: Table, cell: Cell) -> float | None:
    """Return the row's gain over the base in the paper, if it has just one number for each."""
    found = []
    for name in (cell.row.name, table.base):
        numbers = [row.miou for row in table.at(PAPER) if row.name == name]
        if len(numbers) != 1 or len(numbers[0]) != 1:
            return None
        found.append(numbers[0][0][1])
    return _minus(*found)


def _tail(cell: Cell) -> tuple[str, str, str]:
    seeds = str(len(cell.runs)) if cell.row.path else NOTHING
    if cell.unfinished:
        seeds += f' ({len(cell.unfinished)} unfinished)'
    return seeds, ' + '.join(map(str, cell.iterations)) or NOTHING, _code(cell.row)


def _minus(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other


def _number(
    value: float | None, spread: float | None = None, decimals: int = 1, sign: bool = False
) -> str:
    if value is None:
        return NOTHING
    tail = '' if spread is None else f' ± {spread:.{decimals}f}'
    return f'{signed(value, decimals) if sign else f"{value:.{decimals}f}"}{tail}'


def _legend(cells: Sequence[Cell]) -> str:
    several = any(cell.deviation is not None for cell in cells)
    spread = ', mean ± standard deviation of the seeds' if several else ''
    return f'mIoU in percent after the last iteration{spread}.'


def _notes(table: Table, cells: Sequence[Cell], scale: str) -> list[str]:
    """Add what the numbers do not show."""
    present = {row.name for row in table.at(scale)} | table.quoted
    notes = {
        'Trained differently from the config': [
            f'{cell.row.name}, {_labels(cell)} labels ({change})'
            for cell in cells
            if (change := cell.change)
        ],
        'Unfinished, not counted': [
            f'`{run.folder}` ({run.reached})' for cell in cells for run in cell.unfinished
        ],
        'Without a config at this scale': [n for n in table.names if n not in present],
    }
    return [f'{what}: {", ".join(found)}.' for what, found in notes.items() if found]
