from __future__ import annotations

import argparse
import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_joint.checks.values import check_numbers
from mmseg_joint.errors import JointError
from mmseg_joint.utils.cfg_options import CfgOptions
from mmseg_joint.utils.walk import dicts_in, value_of

from .cells import Selection
from .rows import TARGET, Comparison, Row, parts_of, takes_subset
from .runs import Run, find_runs, folder_of, read_run
from .same_training import first_difference

SEED = 'randomness.seed'
SET_HERE = (SEED, f'{TARGET}.count', f'{TARGET}.seed', 'work_dir')
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader', 'stages')
SEEDS = (0, 1, 2)
CHECKPOINTS = 4  # a run saves at least this many; it resumes from the newest


@dataclass(frozen=True)
class Job:
    """A run that a table needs."""

    row: Row
    labels: int | None  #: labeled target images; None for all of them
    seed: int
    folder: Path
    options: tuple[str, ...]  #: its changes to the config, as `KEY=VALUE`
    cfgs: tuple[Config, ...]  #: each stage's config with these changes

    @property
    def iterations(self) -> tuple[int, ...]:
        """Iterations that its schedule asks for, per stage."""
        return tuple(int(cfg.train_cfg.max_iters) for cfg in self.cfgs)

    @property
    def name(self) -> str:
        """Row, labels and seed, for display."""
        count = 'all' if self.labels is None else self.labels
        return f'{self.row.name}, {count} labels, seed {self.seed}'

    @property
    def arguments(self) -> tuple[str, ...]:
        """Arguments for tools/train.py, which resumes a run that was stopped."""
        where = (str(self.row.path), '--work-dir', str(self.folder), '--resume')
        return (*where, '--cfg-options', *self.options)

    def run(self) -> Run | None:
        """Read how far the run has come; None if it has logged nothing.

        Raises:
            JointError: When it was trained differently from how it would be trained now.
        """
        run = read_run(self.folder, self.row)
        for done, wanted in zip(run.cfgs if run else (), self.cfgs):
            difference = first_difference(done, wanted)
            if difference:
                key, old, new = difference
                raise JointError(
                    f'{self.folder} has been trained with {key}={old}, and {new} is wanted now: '
                    'give other --work-dirs.'
                )
        return run


def plan(
    table: Comparison,
    root: Path,
    selection: Selection,
    data: Sequence[str] = (),
    options: Sequence[str] = (),
) -> list[Job]:
    """List the runs that a table needs.

    Args:
        table: The table.
        root: Folder of all runs.
        selection: The part of it to run; the default seeds are 0, 1 and 2.
        data: `TYPE=FOLDER`: the `data_root` of every dataset of that type.
        options: `KEY=VALUE`, applied to every config that has a place for it.

    Returns:
        The runs, finished or not: all rows with the first seed, then with the next.

    Raises:
        JointError: When nothing is to be run, or an entry of `data` or `options` fits no config.
    """
    rows = [row for row in selection.rows_of(table) if row.path]
    wanted = [(row, labels) for row in rows for labels in selection.labels_of(row)]
    if not wanted:
        _refuse(table, selection, rows)
    settings = [
        *(
            (
                partial(_data, text),
                text,
                'name the type of a dataset, like CamVidDataset=data/camvid',
            )
            for text in data
        ),
        *((partial(_option, text), text, 'look for the key in their configs') for text in options),
    ]
    for changes, text, remedy in settings:
        if not any(changes(row.cfg) for row in rows):
            raise JointError(f'{text} fits no config of these rows: {remedy}.')
    return [
        _job(row, labels, seed, root, [o for changes, *_ in settings for o in changes(row.cfg)])
        for seed in dict.fromkeys(SEEDS if selection.seeds is None else selection.seeds)
        for row, labels in wanted
    ]


def _refuse(table: Comparison, selection: Selection, rows: list[Row]) -> None:
    where = f'{table.id} at the scale "{selection.scale}"'
    if not rows:
        scales = sorted({row.scale for row in table.rows if row.path})
        raise JointError(
            f'No config runs these rows of {where}: choose --scale from {", ".join(scales)}.'
        )
    own = sorted({str(row.labels() or 'all') for row in rows if not row.is_free})
    raise JointError(
        f'The rows of {where} take {", ".join(own)} labeled images: leave --labels out.'
    )


def _job(row: Row, labels: int | None, seed: int, root: Path, options: Sequence[str]) -> Job:
    own = [f'{SEED}={seed}']
    if takes_subset(row.cfg):
        own.append(f'{TARGET}.seed={seed}')
    if row.is_free:
        own.append(f'{TARGET}.count={labels}')
    cfg: Any = copy.deepcopy(row.cfg)
    cfg.merge_from_dict(_parsed([*options, *own]))
    cfg.work_dir = str(root)
    check_numbers(cfg)
    parts = parts_of(cfg)
    shortest = min(int(part.train_cfg.max_iters) for part in parts)
    own_interval = cfg.default_hooks.checkpoint.get('interval', -1)  # mmengine's: only at the end
    most = max(1, shortest // CHECKPOINTS)
    often = min(own_interval, most) if own_interval > 0 else most
    own.append(f'default_hooks.checkpoint.interval={often}')
    begun = [r.folder for r in find_runs(root, row) if (r.labels, r.seed) == (labels, seed)]
    folder = begun[0] if begun else folder_of(root, row, labels, seed)
    return Job(row, labels, seed, folder, (*options, *own), parts)


def _parsed(options: Sequence[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions)
    return parser.parse_args(['--cfg-options', *options]).cfg_options


def _data(text: str, cfg: Config) -> list[str]:
    """Return what TYPE=FOLDER changes in a config."""
    name, value = _split(text)
    found = (item for loader in LOADERS for item in dicts_in(cfg.get(loader), loader))
    return [f'{key}.data_root={value}' for key, node in found if node.get('type') == name]


def _option(text: str, cfg: Config) -> list[str]:
    """Return what KEY=VALUE changes in a config: nothing if it has no place for it."""
    name, _ = _split(text)
    if name in SET_HERE:
        raise JointError(
            f'--cfg-options {name} is set for each run here: use --seeds, --labels or --work-dirs.'
        )
    place = name.rpartition('.')[0]
    node = value_of(cfg, place) if place else cfg
    return [text] if isinstance(node, (dict, Config, list, tuple)) else []


def _split(text: str) -> tuple[str, str]:
    name, equals, value = text.partition('=')
    if not name or not equals:
        raise JointError(f'{text} is not of the form NAME=VALUE: correct it.')
    return name, value
