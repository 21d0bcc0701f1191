from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmseg_joint.errors import JointError
from mmseg_joint.study.rows import PAPER, Comparison

# scales other than the paper's -> their training and test data
SMALL = {
    'camvid': 'rendered streets → CamVid',
    'streets': 'rendered → camera streets',
    'cityscapes256': 'rendered streets → Cityscapes at 256 pixels',
}
SCALES = (PAPER, *SMALL)


@dataclass(frozen=True)
class Table(Comparison):
    """A table of a paper, with the configs of its rows."""

    paper: str  #: the paper's short name
    number: str  #: the table's number in the paper, if it has one
    title: str  #: its training and test data

    @property
    def quoted(self) -> set[str]:
        """Rows that the paper only quotes and no config runs."""
        return {row.name for row in self.rows if row.path is None}

    def heading(self, scale: str) -> str:
        """Describe the table in one line: paper, number, and training data."""
        name = f'Table {self.number}' if self.number else self.title
        if scale in SMALL:
            return f'{self.paper}, {name}: its rows on {SMALL[scale]}'
        return f'{self.paper}, {name}: {self.title}' if self.number else f'{self.paper}: {name}'


def choose_table(tables: Sequence[Table], wanted: str) -> Table:
    """Find a table by its id.

    Raises:
        JointError: When no table has this id.
    """
    for table in tables:
        if table.id == wanted.lower():
            return table
    known = ', '.join(table.id for table in tables)
    raise JointError(f'There is no table "{wanted}": choose from {known}.')
