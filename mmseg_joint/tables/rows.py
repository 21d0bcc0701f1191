from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from mmengine.config import Config

from mmseg_joint.engine.config_file import read_config
from mmseg_joint.engine.stages import read_stages
from mmseg_joint.errors import JointError

from .contents import SMALL, TABLES, Contents
from .labels import labels_of, subset_of

PAPER = 'paper'
SCALES = (PAPER, *SMALL)
KEYS = ('paper', 'table', 'row', 'scale', 'miou')


@dataclass(frozen=True)
class TableRow:
    """A row of a table and the config that runs it.

    Attributes:
        name: The row, as the paper calls it.
        scale: `'paper'`, or the small data that a sibling of the paper's config runs on.
        miou: Pairs of labelled pictures and the paper's mIoU in percent, rising.
        path: The config's file; None for a row that is only quoted.
        cfg: What it holds.
    """

    name: str
    scale: str
    miou: tuple[tuple[int, float], ...]
    path: Path | None
    cfg: Config | None = field(default=None, compare=False, repr=False)

    @property
    def stem(self) -> str:
        """The config's name, and that of its folder of runs."""
        return self.path.stem if self.path else ''

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the trainings that it consists of; none for a single one."""
        return tuple(stage['name'] for stage in (self.cfg or {}).get('stages') or ())

    @property
    def parts(self) -> tuple[Config, ...]:
        """Its config, of each stage; none for a row that is quoted."""
        if self.cfg is None:
            return ()
        cfg = copy.deepcopy(self.cfg)
        cfg.work_dir = ''  # stages have folders in it
        return parts_of(cfg)

    @property
    def is_free(self) -> bool:
        """Whether its config trains with any number of labels."""
        return self.cfg is not None and bool(labels_of(self.cfg))

    def labels(self, cfg: Config | None = None) -> int | None:
        """Count the labelled target pictures of this row.

        Args:
            cfg: The config of one of its runs; its own by default.

        Returns:
            Their number, 0 for none at all; None if it takes all there are.
        """
        if self.cfg is None:
            return 0  # a row that is quoted
        own = labels_of(self.cfg)
        # a run in stages may not have come to the one with labels yet
        found = own if cfg is None or own == 0 else subset_of(cfg)
        # which of a data set are all, the paper says
        return self.miou[0][0] if found is None and len(self.miou) == 1 else found

    def paper(self, labels: int | None) -> float | None:
        """Look up the paper's result.

        Args:
            labels: Labelled target pictures.

        Returns:
            Its mIoU in percent; None if the paper has none for as many.
        """
        return None if labels is None else dict(self.miou).get(labels)


def parts_of(cfg: Config) -> tuple[Config, ...]:
    """Split a config into the trainings that it consists of.

    Args:
        cfg: The config, with `work_dir`.

    Returns:
        The config of each of its stages; itself without any.
    """
    return tuple(stage.cfg for stage in read_stages(cfg)) if cfg.get('stages') else (cfg,)


@dataclass(frozen=True)
class Table:
    """A table with the configs of its rows, at each scale in the paper's order.

    Attributes:
        contents: What it is.
        rows: Its rows.
    """

    contents: Contents
    rows: tuple[TableRow, ...]

    def at(self, scale: str) -> list[TableRow]:
        """Choose the rows of a scale.

        Args:
            scale: One of `SCALES`.

        Returns:
            Those that a config runs at that scale; at the paper's also those that are quoted.
        """
        return [row for row in self.rows if row.scale == scale]


def read_tables(folder: str | Path) -> list[Table]:
    """Read from the configs which of them runs which row of which table.

    A config says so in `table_row`: None, or one or a list of ::

        dict(paper='HRS', table='1', row='FCN', miou=[(2975, 65.3)])
        dict(paper='HRS', table='1', row='FCN', scale='camvid')

    Args:
        folder: Where the configs lie.

    Returns:
        All tables in the order of the papers, those without a config too.

    Raises:
        JointError: A config's `table_row` is no row of a known table, or two configs state the
            same.
    """
    rows: dict[str, list[TableRow]] = {
        table.id: [TableRow(n, PAPER, ((0, m),), None) for n, m in table.quoted.items()]
        for table in TABLES
    }
    for path in sorted(Path(folder).glob('*.py')):
        cfg = read_config(str(path), import_custom_modules=False)
        for table, row in rows_of(cfg, path):
            _check_alone(row, rows[table.id])
            rows[table.id].append(row)
    return [Table(table, tuple(_in_order(rows[table.id], table))) for table in TABLES]


def rows_of(cfg: Config, path: Path) -> list[tuple[Contents, TableRow]]:
    """Read the rows that one config states.

    Args:
        cfg: The config.
        path: Its file.

    Returns:
        Each with the table it belongs to.

    Raises:
        JointError: `table_row` is no row of a known table.
    """
    stated = cfg.get('table_row')
    if stated is None:
        return []
    entries = stated if isinstance(stated, (list, tuple)) else [stated]
    return [_row(entry, cfg, path) for entry in entries]


def _row(entry: Any, cfg: Config, path: Path) -> tuple[Contents, TableRow]:
    if not isinstance(entry, dict):
        _refuse(path, f'holds {entry!r}', 'give a dict(paper=…, table=…, row=…)')
    unknown = sorted(set(entry) - set(KEYS))
    if unknown:
        _refuse(path, f'has the key "{unknown[0]}"', f'choose from {", ".join(KEYS)}')
    where = entry.get('paper'), entry.get('table')
    table = next((table for table in TABLES if (table.paper, table.number) == where), None)
    if table is None:
        _refuse(path, f'names table {where}', 'correct it, or list it in tables/contents.py')
    name, scale = entry.get('row'), entry.get('scale', PAPER)
    if name not in table.rows:
        _refuse(path, f'names the row "{name}"', f'choose from {", ".join(table.rows)}')
    if scale not in SCALES:
        _refuse(path, f'has the scale "{scale}"', f'choose from {", ".join(SCALES)}')
    miou = _numbers(entry.get('miou', ()), scale, path)
    return table, TableRow(name, scale, miou, path, cfg)


def _numbers(pairs: Any, scale: str, path: Path) -> tuple[tuple[int, float], ...]:
    if bool(pairs) != (scale == PAPER):
        _refuse(
            path,
            f'has miou={pairs!r} at the scale "{scale}"',
            "give the paper's numbers at the scale 'paper', and only there",
        )
    for pair in pairs:
        if not (isinstance(pair, (list, tuple)) and len(pair) == 2 and _fits(*pair)):
            _refuse(
                path,
                f'has {pair!r} in miou',
                'give pairs of labelled pictures and mIoU in percent, like (2975, 65.3)',
            )
    if len({labels for labels, _ in pairs}) < len(pairs):
        _refuse(path, 'has a number of labelled pictures twice in miou', 'keep one')
    return tuple(sorted((labels, miou) for labels, miou in pairs))


def _fits(labels: Any, miou: Any) -> bool:
    whole = isinstance(labels, int) and not isinstance(labels, bool) and labels >= 0
    return whole and isinstance(miou, (int, float)) and 0 < miou < 100


def _refuse(path: Path, what: str, remedy: str) -> NoReturn:
    raise JointError(f'table_row in {path} {what}: {remedy}.')


def _check_alone(row: TableRow, others: list[TableRow]) -> None:
    """A row may have a config for some numbers of labels and another for others."""
    for other in others:
        counts = {labels for labels, _ in row.miou} & {labels for labels, _ in other.miou}
        if (row.name, row.scale) == (other.name, other.scale) and (counts or not row.miou):
            raise JointError(
                f'{row.path} and {other.path} state the same table_row ("{row.name}", scale '
                f'"{row.scale}"): set table_row in the one that is no such row, to None maybe.'
            )


def _in_order(rows: list[TableRow], table: Contents) -> list[TableRow]:
    return sorted(
        rows, key=lambda row: (SCALES.index(row.scale), table.rows.index(row.name), row.miou)
    )


def choose_table(tables: list[Table], wanted: str) -> Table:
    """Find a table by its id.

    Args:
        tables: All of them.
        wanted: The id.

    Returns:
        The table.

    Raises:
        JointError: None has it.
    """
    for table in tables:
        if table.contents.id == wanted.lower():
            return table
    known = ', '.join(table.contents.id for table in tables)
    raise JointError(f'There is no table "{wanted}": choose from {known}.')
