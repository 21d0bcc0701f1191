from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mmengine.config import Config

from mmseg_joint.engine.config_file import read_config
from mmseg_joint.engine.stages import read_stages
from mmseg_joint.errors import JointError

from .labels import labels_of, subset_of

PAPER = 'paper'
# scales beside the paper's -> what is trained and tested on there
SMALL = {
    'camvid': 'rendered streets → CamVid',
    'streets': 'rendered → camera streets',
    'cityscapes256': 'rendered streets → Cityscapes at 256 pixels',
}
SCALES = (PAPER, *SMALL)


@dataclass(frozen=True)
class TableRow:
    """A row of a table and the config that runs it.

    Attributes:
        name: The row, as the paper calls it.
        scale: `'paper'`, or the small data that a sibling of the paper's config runs on.
        miou: Pairs of labeled images and the paper's mIoU in percent, rising.
        path: The config's file; None for a row that is only quoted.
        measured: What the metafile records of our own runs: mIoU, labels and seeds.
    """

    name: str
    scale: str
    miou: tuple[tuple[int, float], ...]
    path: Path | None
    measured: tuple[str, ...] = ()

    @cached_property
    def cfg(self) -> Config | None:
        """What its config holds, read when it is first asked for."""
        return read_config(str(self.path), import_custom_modules=False) if self.path else None

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
        """Count the labeled target images of this row.

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
        # which of a dataset are all, the paper says
        return self.miou[0][0] if found is None and len(self.miou) == 1 else found

    def paper(self, labels: int | None) -> float | None:
        """Look up the paper's result.

        Args:
            labels: Labeled target images.

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
    """A table of a paper, with the configs of its rows.

    Attributes:
        id: What the command line calls it.
        paper: The paper's short name.
        number: The table's number in the paper, if it has one.
        title: What is trained and tested on.
        names: Its rows in the paper's order.
        base: The row that the others build on, if there is one.
        rows: The rows with their configs, at each scale in the paper's order.
    """

    id: str
    paper: str
    number: str
    title: str
    names: tuple[str, ...]
    base: str | None
    rows: tuple[TableRow, ...]

    @property
    def quoted(self) -> set[str]:
        """Rows that the paper itself quotes and no config runs."""
        return {row.name for row in self.rows if row.path is None}

    def at(self, scale: str) -> list[TableRow]:
        """Choose the rows of a scale.

        Args:
            scale: One of `SCALES`.

        Returns:
            Those that a config runs at that scale; at the paper's also those that are quoted.
        """
        return [row for row in self.rows if row.scale == scale]

    def heading(self, scale: str) -> str:
        """Say in one line what table this is.

        Args:
            scale: At which scale its rows are run.

        Returns:
            Paper, table, and what it is trained and tested on.
        """
        name = f'Table {self.number}' if self.number else self.title
        if scale in SMALL:
            return f'{self.paper}, {name}: its rows on {SMALL[scale]}'
        return f'{self.paper}, {name}: {self.title}' if self.number else f'{self.paper}: {name}'


def choose_table(tables: Sequence[Table], wanted: str) -> Table:
    """Find a table by its id.

    Args:
        tables: All of them.
        wanted: The id.

    Returns:
        The table.

    Raises:
        JointError: When none has it.
    """
    for table in tables:
        if table.id == wanted.lower():
            return table
    known = ', '.join(table.id for table in tables)
    raise JointError(f'There is no table "{wanted}": choose from {known}.')
