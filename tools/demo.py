#!/usr/bin/env python
"""Show what the project does, in minutes and without any download.

Generates streets, trains on a few "real" ones alone, on both domains directly, and with HRS, and
leaves a table and images. Run the same command again to continue.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from mmseg_joint.errors import JointError
from mmseg_joint.streets import write_streets
from mmseg_joint.study.cells import Selection, measure
from mmseg_joint.study.jobs import Job, plan
from mmseg_joint.study.training import check_finished, start_process, train_missing
from mmseg_joint.tables.markdown import write_table
from mmseg_joint.tables.metafiles import INDEX, read_tables
from mmseg_joint.tables.rows import choose_table
from mmseg_joint.utils.atomic_write import atomic_write
from mmseg_joint.utils.cli import positive, run

TOOLS = Path(__file__).resolve().parent
TABLE, SCALE = 'hrs1', 'streets'
ROWS = {'FCN': 'target only', 'Direct Joint Training': 'direct joint', 'Ours with W^19': 'HRS'}


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path, help='folder for data, runs, table and images')
    parser.add_argument(
        '--iterations', type=positive, default=500, help='iterations of each training'
    )
    parser.add_argument('--seeds', type=positive, default=2, help='seeds (trainings) per row')
    parser.add_argument('--rendered', type=positive, default=400, help='synthetic labeled images')
    parser.add_argument('--camera', type=positive, default=12, help='"real" labeled images')
    parser.add_argument('--val', type=positive, default=60, help='"real" images to score on')
    parser.add_argument('--short', action='store_true', help='only check that everything runs')
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    args = parser.parse_args(argv)
    if args.short:
        args.iterations, args.seeds, args.rendered, args.camera, args.val = 6, 1, 8, 4, 4
    return args


def generate(args: argparse.Namespace) -> list[str]:
    """Write both domains, with separate streets for validation; return where they are."""
    rendered = args.out / f'streets/rendered_{args.rendered}'
    camera = args.out / f'streets/camera_{args.camera}_{args.val}'
    write_streets(rendered, args.rendered, 'gta', 'rendered')
    write_streets(camera, args.camera, 'cityscapes', 'camera', split='train')
    write_streets(camera, args.val, 'cityscapes', 'camera', split='val', start=100_000)
    return [f'GTADataset={rendered}', f'CityscapesIdsDataset={camera}']


def draw(jobs: list[Job], out: Path) -> list[Path]:
    """Draw the images of the README."""
    # the tools read the config that each run saved, with its data folders
    first = {
        ROWS[job.row.name]: (
            job.folder / f'{job.row.stem}.py',
            job.folder / f'iter_{job.iterations[-1]}.pth',
        )
        for job in jobs
        if job.seed == 0
    }
    arguments = {
        'curves': [f'{ROWS[job.row.name]}={job.folder}' for job in jobs],
        'predictions': [f'{name}={config}:{weights}' for name, (config, weights) in first.items()],
        'weighting_maps': [*map(str, first['HRS'])],
    }
    images = []
    for kind, given in arguments.items():
        image, log = out / f'{kind}.png', out / f'{kind}.log'
        command = [sys.executable, str(TOOLS / f'plot_{kind}.py'), *given, '--out', str(image)]
        with log.open('w', encoding='utf-8') as stream:
            ended = subprocess.run(command, stdout=stream, stderr=subprocess.STDOUT)
        if ended.returncode:
            last = log.read_text(encoding='utf-8').strip().splitlines()[-1:]
            raise JointError(f'plot_{kind}.py failed ({log}): {"".join(last)}')
        images.append(image)
    return images


def main(argv: list[str] | None = None) -> None:
    """Generate, train, tabulate, draw."""
    started = time.time()
    args = parse_args(argv)
    data, steps = generate(args), args.iterations
    options = {
        'train_cfg.max_iters': steps,
        'train_cfg.val_interval': max(steps // 4, 1),
        'default_hooks.logger.interval': min(10, max(steps // 3, 1)),
        'default_hooks.images.interval': steps,
    }
    # other data needs other runs
    runs = args.out / f'runs_{args.rendered}_{args.camera}_{args.val}_{steps}'
    table = choose_table(read_tables(TOOLS.parent / INDEX), TABLE)
    selection = Selection(SCALE, seeds=range(args.seeds), rows=list(ROWS))
    jobs = plan(table, runs, selection, data, [f'{key}={n}' for key, n in options.items()])
    check_finished(train_missing(jobs, start_process(TOOLS / 'train.py')))
    text = write_table(table, measure(table, runs, selection), SCALE)
    atomic_write(args.out / 'table.md', text + '\n')
    images = draw(jobs, args.out)
    print(
        f'\n{text}\n\n{args.camera} labeled camera streets, {args.rendered} rendered ones; scored '
        f'on {args.val} other camera streets.\nImages: {", ".join(map(str, images))}'
    )
    print(f'{(time.time() - started) / 60:.1f} minutes')


if __name__ == '__main__':
    run(main)
