#!/usr/bin/env python
"""Write a joint config for your own data: --mmseg CONFIG --classes … --source DIR --target DIR.

Inspects the folders, writes the data file and the config, runs the doctor, and prints what to run
next.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from mmseg_joint import setup
from mmseg_joint.datasets.label_maps import IGNORE
from mmseg_joint.doctor.examine import examine
from mmseg_joint.doctor.report import Report
from mmseg_joint.errors import JointError
from mmseg_joint.project.class_values import ClassValues, read_class_values
from mmseg_joint.project.folders import Found, describe, find_images
from mmseg_joint.project.kinds import kinds_in
from mmseg_joint.project.write import write_project
from mmseg_joint.utils.cli import existing_file, run

TOOLS = Path(__file__).parent
LABELED = ('source', 'target')
FIRST_LOOK = 100  # iterations, a few minutes on a CPU


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Write a joint config for your own data.')
    parser.add_argument(
        '--mmseg',
        required=True,
        metavar='CONFIG',
        help='config of the model, like mmseg::segformer/NAME.py, or a file',
    )
    parser.add_argument(
        '--classes',
        required=True,
        nargs='+',
        metavar='NAME',
        help='in the order of their ids, 0, 1, …',
    )
    parser.add_argument('--source', required=True, type=Path, help='folder of synthetic images')
    parser.add_argument('--target', required=True, type=Path, help='folder of real labeled images')
    parser.add_argument('--unlabeled', type=Path, help='folder of real images without labels')
    parser.add_argument(
        '--labels',
        nargs='+',
        default=(),
        metavar='PART',
        help='which labels to use if several fit the images: part of their path',
    )
    parser.add_argument(
        '--colors', metavar='FILE', help='where labels are colors: lines of NAME RED GREEN BLUE'
    )
    for domain in LABELED:
        parser.add_argument(
            f'--{domain}-ids',
            metavar='FILE',
            help=f"where the {domain}'s labels have other ids: lines of NAME ID",
        )
    parser.add_argument(
        '--out', type=Path, default=Path('.'), help='folder of the project (default: this one)'
    )
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    setup()
    if len(set(args.classes)) < len(args.classes) or not 2 <= len(args.classes) <= IGNORE:
        raise JointError(
            f'--classes needs 2 to {IGNORE} names, each once ({IGNORE} marks ignored pixels).'
        )
    if args.out.exists() and not args.out.is_dir():
        raise JointError(f'--out {args.out} is a file: name a folder.')
    for path in filter(None, (args.colors, args.source_ids, args.target_ids)):
        existing_file(path, 'file')
    domains = find_domains(args)
    colors, ids = read_values(args, domains)
    for name, splits in domains.items():
        for split, found in splits.items():
            print(f'{name}, {split}: {describe(found)}')
            for unused in found.unused:
                print(f'{name}, {split}: warning, not used: {unused}')
    config, labels = write_project(args.out, args.mmseg, args.classes, domains, colors, ids)
    report = Report()
    examine(str(config), None, report)
    faulty = report.end()
    again = shlex.join(['python', '-m', 'mmseg_joint.doctor', str(config)])
    ready = f', once `{again}` finds no problem' if faulty else ' is ready'
    print(
        f'\n{config}{ready}: a first look at target only and joint, in minutes; training on both '
        'domains; or the comparison of methods and label counts:'
    )
    print_commands(config, labels, args.out)
    if faulty:
        raise JointError(f'{config} is written, but has problems: solve those above.')


def find_domains(args: argparse.Namespace) -> dict[str, dict[str, Found]]:
    """Look into the domains' folders."""
    domains = {
        name: find_images(folder, in_color=bool(args.colors), chosen=args.labels)
        for name, folder in (('source', args.source), ('target', args.target))
    }
    paths = ['/'.join(kind) for folder in (args.source, args.target) for kind in kinds_in(folder)]
    for part in args.labels:
        if not any(part in path for path in paths):
            raise JointError(
                f'--labels {part} is part of no path in {args.source} or {args.target}: correct it.'
            )
    if args.unlabeled:
        domains['unlabeled'] = find_images(args.unlabeled, labeled=False)
    return domains


def read_values(
    args: argparse.Namespace, domains: dict[str, dict[str, Found]]
) -> tuple[ClassValues | None, dict[str, ClassValues]]:
    """Read the colors of the classes, and their ids in each domain, where labels have such."""
    colored = [name for name, x in domains.items() if any(part.in_color for part in x.values())]
    if colored and not args.colors:
        raise JointError(
            f'Labels of {" and ".join(colored)} are colors: give --colors FILE with lines of NAME '
            'RED GREEN BLUE.'
        )
    colors = read_class_values(Path(args.colors), args.classes, 'color') if colored else None
    if args.colors and not colored:
        print(f'warning, not used: --colors {args.colors}, since all labels are ids')
    ids = {}
    for domain in LABELED:
        path = getattr(args, f'{domain}_ids')
        if path and all(found.in_color for found in domains[domain].values()):
            print(f'warning, not used: --{domain}-ids {path}, since its labels are colors')
        elif path:
            ids[domain] = read_class_values(Path(path), args.classes, 'id')
    return colors, ids


def print_commands(config: Path, labels: int, out: Path) -> None:
    """Print what to run next."""
    counts = sorted({labels // part for part in (8, 4, 2) if labels >= part})
    study = ('study.py', config, '--methods', 'target', 'joint', '--labels')
    first = ('all', '--seeds', 0, '--iterations', FIRST_LOOK, '--work-dir', out / 'first_look')
    whole = (*counts, 'all', '--seeds', 0, 1, 2, '--work-dir', out / 'study')
    for tool, *words in ((*study, *first), ('train.py', config), (*study, *whole)):
        print(shlex.join(['python', str(TOOLS / str(tool)), *map(str, words)]))


if __name__ == '__main__':
    run(main)
