from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from mmengine.config import Config

from mmseg_joint.errors import JointError

from .rows import PAPER, Comparison, Row
from .runs import Run, find_runs
from .same_training import first_difference
from .statistics import Scores


@dataclass(frozen=True)
class Cell:
    """A row at one number of labels: the paper's result and ours."""

    row: Row
    labels: int | None  #: labeled target images; None for all of them
    paper: float | None  #: the paper's mIoU in percent, if it has one
    runs: tuple[Run, ...] = ()  #: the finished runs, one per seed
    unfinished: tuple[Run, ...] = ()  #: the unfinished runs, which count for nothing

    @property
    def mean(self) -> float | None:
        """The seeds' mean in percent; None without a finished run."""
        return mean(self.scores().values()) if self.runs else None

    @property
    def deviation(self) -> float | None:
        """The seeds' sample standard deviation; None for fewer than two."""
        return stdev(self.scores().values()) if len(self.runs) > 1 else None

    def scores(self, name: str | None = None) -> Scores:
        """Map each finished run's seed to its mIoU, or a class's IoU, in percent, if it has one."""
        found = {run.seed: run.classes.get(name) if name else run.miou for run in self.runs}
        return {seed: score for seed, score in found.items() if score is not None}

    @property
    def change(self) -> str | None:
        """The first value in which the runs differ from the config, if any."""
        cfgs = self.runs[0].cfgs if self.runs else ()
        return next(filter(None, map(_difference, cfgs, self.row.parts)), None)

    @property
    def iterations(self) -> tuple[int, ...]:
        """Iterations of each stage."""
        return self.runs[0].iterations if self.runs else ()


@dataclass(frozen=True)
class Selection:
    """The part of a table that is shown or run."""

    scale: str = PAPER  #: selects among a row's configs
    #: numbers of labeled images; None for those that the paper or the runs have
    labels: Sequence[int] | None = None
    seeds: Sequence[int] | None = None  #: seeds; None for all of them
    rows: Sequence[str] | None = None  #: names of rows; None for all

    def rows_of(self, table: Comparison) -> list[Row]:
        """Choose a table's rows at this scale.

        Raises:
            JointError: When the table has no row of a name.
        """
        names = {name.lower(): name for name in table.names}
        unknown = [name for name in self.rows or () if name.lower() not in names]
        if unknown:
            raise JointError(
                f'--rows: {table.id} has no row "{unknown[0]}": choose from '
                f'{", ".join(table.names)}.'
            )
        wanted = set(names.values())
        if self.rows:
            wanted = {names[name.lower()] for name in self.rows}
        return [row for row in table.at(self.scale) if row.name in wanted]

    def labels_of(self, row: Row, measured: Iterable[int | None] = ()) -> list[int | None]:
        """Choose numbers of labeled images for a row.

        Those selected that its config supports; without a selection, the paper's, those
        measured, or the config's own.
        """
        if self.labels is not None:
            wanted = dict.fromkeys(self.labels)  # each once
            return [n for n in wanted if (row.is_free and n) or n == row.labels()]
        if row.miou:
            # its config may serve other tables too, with other numbers
            return [labels for labels, _ in row.miou]
        known = sorted(count for count in measured if count is not None) if row.is_free else []
        return [*known] or [row.labels()]


def measure(table: Comparison, root: str | Path | None, selection: Selection) -> list[Cell]:
    """Pair the paper's numbers with those of the runs: one cell per row and number of labels.

    The cells are in the paper's order. `root` is the folder of all runs, if there is one.

    Raises:
        JointError: When runs of one cell differ in more than their seed, or a log is broken.
    """
    rows = selection.rows_of(table)
    found = [find_runs(root, row) if root and row.path else [] for row in rows]
    measured = {run.labels for row, runs in zip(rows, found) if row.is_free for run in runs}
    cells = []
    for row, runs in zip(rows, found):
        wanted = [run for run in runs if selection.seeds is None or run.seed in selection.seeds]
        for labels in selection.labels_of(row, measured):
            cells.append(_cell(row, labels, [run for run in wanted if run.labels == labels]))
    return cells


def base_of(table: Comparison, cells: Sequence[Cell], cell: Cell) -> Cell | None:
    """Find the cell of the table's base row with the same number of labels, or return None."""
    bases = (c for c in cells if (c.row.name, c.labels) == (table.base, cell.labels))
    base = next(bases, None)
    return None if base is cell else base


def _cell(row: Row, labels: int | None, runs: list[Run]) -> Cell:
    finished = tuple(run for run in runs if run.finished)
    for run in finished[1:]:
        for first, other in zip(finished[0].cfgs, run.cfgs):
            difference = _difference(first, other)
            if difference:
                raise JointError(
                    f'{finished[0].folder} was trained differently from {run.folder}, with '
                    f'{difference}: keep them in different folders.'
                )
    unfinished = tuple(run for run in runs if not run.finished)
    return Cell(row, labels, row.paper(labels), finished, unfinished)


def _difference(done: Config, other: Config) -> str | None:
    found = first_difference(done, other, any_draw=True)
    return f'{found[0]}={found[1]} in place of {found[2]}' if found else None
