#!/usr/bin/env python
"""Compare methods on your own data: which one is best, and how many labels does it save?

Run the same command again to continue. Without a config, only the report is rewritten, from the
finished runs.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from mmseg_joint import setup
from mmseg_joint.engine.config_file import read_config
from mmseg_joint.errors import JointError
from mmseg_joint.study.cells import Selection
from mmseg_joint.study.create import Base
from mmseg_joint.study.jobs import SEEDS, SET_HERE, Job, plan
from mmseg_joint.study.methods import METHODS, choose_methods
from mmseg_joint.study.report import write_report
from mmseg_joint.study.study import SCALE, Study, parse_labels, read_study, write_study
from mmseg_joint.study.training import check_finished, start_process, train_missing
from mmseg_joint.utils.cfg_options import add_config_flags
from mmseg_joint.utils.cli import positive, run

TRAIN = Path(__file__).resolve().parent / 'train.py'
METHODS_SHOWN = ('target', 'joint', 'hrs', 'csa', 'maxsquare')


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    titles = '\n'.join(f'  {name:<16}{method.title}' for name, method in METHODS.items())
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f'methods:\n{titles}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', nargs='?', help='base config: model, data and schedule')
    parser.add_argument('--work-dir', type=Path, required=True, metavar='FOLDER')
    parser.add_argument('--methods', nargs='+', default=METHODS_SHOWN, metavar='NAME')
    parser.add_argument('--labels', nargs='+', default=['all'], metavar='N', help='or all')
    parser.add_argument('--seeds', nargs='+', type=int, default=list(SEEDS), metavar='SEED')
    parser.add_argument(
        '--iterations',
        type=positive,
        metavar='N',
        help="iterations of each training, instead of the config's; schedules are scaled",
    )
    parser.add_argument('--jobs', type=positive, default=1, metavar='N', help='concurrent runs')
    parser.add_argument(
        '--watch',
        type=positive,
        metavar='K',
        help='compare the gradients of source and target every K iterations',
    )
    parser.add_argument(
        '--dry-run', action='store_true', help='write the configs and print the commands'
    )
    add_config_flags(parser)
    return parser.parse_args(argv)


def prepare(args: argparse.Namespace) -> tuple[Study, list[Job]]:
    """Write the configs, and list the requested runs."""
    methods = choose_methods(args.methods)
    twice = [seed for seed in args.seeds if args.seeds.count(seed) > 1]
    if twice:
        raise JointError(f'--seeds has {twice[0]} twice: leave one of them out.')
    if min(args.seeds) < 0:
        raise JointError(f'--seeds {min(args.seeds)}: give whole numbers from 0.')
    check_options(args.cfg_options or {})
    cfg = read_config(args.config, args.cfg_options)
    base = Base(cfg, args.watch, args.iterations)
    labels = parse_labels(args.labels, base.count_labels())
    write_study(args.work_dir, base, methods, labels, args.seeds, args.cfg_options)
    study = read_study(args.work_dir)
    for sentence in study.unseen:
        print(f'note: {sentence}', file=sys.stderr)
    selection = Selection(SCALE, [0, *(n for n in labels if n)], args.seeds, methods)
    wanted = set(labels)
    jobs = [
        job
        for job in plan(study, args.work_dir, selection)
        if job.labels in wanted or 'target' not in METHODS[job.row.name].domains
    ]
    return study, jobs


def check_options(keys: Iterable[str]) -> None:
    """Refuse changes of keys that the study sets itself."""
    remedies = {
        'model.objectives': 'methods bring their own; change a config with tools/train.py',
        'train_cfg.max_iters': 'use --iterations, which scales the schedules too',
        **dict.fromkeys(SET_HERE, 'it is set for each run; use --seeds, --labels or --work-dir'),
    }
    for key in keys:
        for place, remedy in remedies.items():
            if f'{key}.'.startswith(f'{place}.'):
                raise JointError(f'--cfg-options {key}: {remedy}.')


def main(argv: list[str] | None = None) -> None:
    """Run what is missing, and report."""
    args = parse_args(argv)
    if args.cfg_options and not args.config:
        raise JointError('--cfg-options changes a base config: name it, or leave the options out.')
    setup()
    failed: list[Job] = []
    if args.config:
        study, jobs = prepare(args)
        if args.dry_run:
            here = TRAIN.relative_to(Path.cwd()) if TRAIN.is_relative_to(Path.cwd()) else TRAIN
            for job in jobs:
                print(shlex.join(['python', str(here), *job.arguments]))
            return
        start = start_process(TRAIN, args.jobs)
        try:
            failed = train_missing(jobs, start, args.jobs, lambda: write_report(study))
        except KeyboardInterrupt:
            print('stopped: give the same command again to go on.', file=sys.stderr)
            sys.exit(130)
    report = write_report(read_study(args.work_dir))
    print(report.read_text(encoding='utf-8'))
    files = [path for end in ('.md', '.html', '.png') if (path := report.with_suffix(end)).exists()]
    print(', '.join([str(files[0]), *(path.name for path in files[1:])]))
    check_finished(failed)


if __name__ == '__main__':
    run(main)
