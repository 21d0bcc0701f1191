#!/usr/bin/env python
"""List the papers' tables, run the rows of one, and compare the results with the papers'."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from mmseg_joint.errors import JointError
from mmseg_joint.study.cells import Selection, measure
from mmseg_joint.study.jobs import Job, plan
from mmseg_joint.study.training import check_finished, start_process, train_missing
from mmseg_joint.tables.figure import draw_table
from mmseg_joint.tables.markdown import list_table, write_table
from mmseg_joint.tables.metafiles import INDEX, read_tables
from mmseg_joint.tables.readme import README, write_readme
from mmseg_joint.tables.rows import PAPER, SCALES, Table, choose_table
from mmseg_joint.utils.atomic_write import atomic_write, check_writable
from mmseg_joint.utils.cli import positive, run
from mmseg_joint.visualization.figures import check_figure, save_figure

TOOLS = Path(__file__).resolve().parent
TRAIN = TOOLS / 'train.py'


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--table', metavar='ID', help='only this table, like hrs1')
    parser.add_argument('--run', metavar='ID', help='train the missing rows of this table')
    parser.add_argument('--scale', choices=SCALES, default=PAPER, help='which data the rows use')
    parser.add_argument('--rows', nargs='+', metavar='ROW', help='only these rows')
    parser.add_argument('--labels', nargs='+', type=int, metavar='N', help='labeled images')
    parser.add_argument(
        '--seeds', nargs='+', type=int, metavar='SEED', help='seeds (default with --run: 0 1 2)'
    )
    parser.add_argument('--work-dirs', type=Path, metavar='ROOT', help='folder of the runs')
    parser.add_argument(
        '--data',
        nargs='+',
        default=[],
        metavar='TYPE=FOLDER',
        help='folder of the datasets of a type, like CamVidDataset=data/camvid',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='change values in the configs that have a place for them',
    )
    parser.add_argument('--jobs', type=positive, default=1, metavar='N', help='concurrent runs')
    parser.add_argument('--dry-run', action='store_true', help='only print what would be run')
    parser.add_argument(
        '--out', type=Path, metavar='FILE', help='also write the Markdown to a file'
    )
    parser.add_argument('--figure', type=Path, metavar='FILE', help='draw (png, pdf or svg)')
    parser.add_argument(
        '--configs',
        type=Path,
        default=TOOLS.parent / 'configs',
        metavar='FOLDER',
        help=f'folder of the configs; {INDEX} beside it names their metafiles',
    )
    parser.add_argument(
        '--write-readme', action='store_true', help=f"write the configs' {README} from them"
    )
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    return parser.parse_args(argv)


def check(args: argparse.Namespace) -> None:
    """Check the command line before anything is read."""
    wanted = args.run or args.table
    if args.run and args.table and args.run != args.table:
        raise JointError('--table and --run name two tables: leave --table out.')
    if args.figure and not wanted:
        raise JointError('--figure draws one table: name it with --table.')
    if args.figure:
        check_figure(args.figure)
    if args.out:
        check_writable(args.out, '--out')
    folders = {'--configs': args.configs, '--work-dirs': None if args.run else args.work_dirs}
    for flag, folder in folders.items():
        if folder is not None and not folder.is_dir():
            raise JointError(f'{flag} {folder}: there is no such folder, correct the path.')


def chosen_tables(args: argparse.Namespace, selection: Selection) -> list[Table]:
    """Return the tables that the command line names, or all; configs are read when needed."""
    tables, wanted = read_tables(args.index), args.run or args.table
    if not wanted:
        return tables
    table = choose_table(tables, wanted)
    selection.rows_of(table)  # refuses unknown row names first
    return [table]


def train(table: Table, args: argparse.Namespace, selection: Selection) -> list[Job]:
    """Train what is missing; return the runs that failed."""
    jobs = plan(table, args.work_dirs, selection, args.data, args.cfg_options)
    if args.dry_run:
        for job in jobs:
            print(shlex.join(['python', 'tools/train.py', *job.arguments]))
        return []
    return train_missing(jobs, start_process(TRAIN, args.jobs), args.jobs)


def report(tables: list[Table], args: argparse.Namespace, selection: Selection) -> None:
    """Print, write and draw the tables."""
    texts, cells = [], []
    for table in tables:
        cells = measure(table, args.work_dirs, selection)
        if args.work_dirs is None and args.scale == PAPER:
            texts.append(list_table(table))
        elif table.at(args.scale):
            texts.append(write_table(table, cells, args.scale))
    if not texts:
        raise JointError(
            f'There is no row at the scale "{args.scale}": choose another --scale, of those that '
            'the list without --work-dirs names.'
        )
    text = '\n\n'.join(texts)
    print(text)
    if args.out:
        atomic_write(args.out, text + '\n')
    if args.figure:
        save_figure(draw_table(tables[0], cells, args.scale), args.figure)


def main(argv: list[str] | None = None) -> None:
    """List, or run and report."""
    args = parse_args(argv)
    selection = Selection(args.scale, args.labels, args.seeds, args.rows)
    check(args)
    args.index = args.configs.resolve().parent / INDEX
    if args.write_readme:
        atomic_write(args.configs / README, write_readme(args.index))
        return
    tables = chosen_tables(args, selection)
    failed = []
    if args.run:
        args.work_dirs = args.work_dirs or Path('work_dirs') / f'tables_{args.scale}'
        failed = train(tables[0], args, selection)
    if not args.dry_run:
        report(tables, args, selection)
    check_finished(failed)


if __name__ == '__main__':
    run(main)
