#!/usr/bin/env python
"""Show what the project does, in minutes and without any download.

Generates streets, trains on a few "real" ones alone, on both domains directly, and with HRS, tests
each, and leaves a table and images.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from tqdm import tqdm

from mmseg_joint.errors import JointError
from mmseg_joint.streets import write_streets
from mmseg_joint.utils.atomic_write import atomic_write
from mmseg_joint.utils.cli import run
from mmseg_joint.utils.numbers import check_whole

TOOLS = Path(__file__).resolve().parent
CONFIGS = TOOLS.parent / 'configs'
ROWS = {
    'FCN (target only)': 'fcn8s_streets',
    'Direct joint': 'joint_fcn8s_streets',
    'HRS (W^19 + GAN)': 'hrs_fcn8s_streets',
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path, help='folder of data, runs, table and images')
    parser.add_argument('--iterations', type=int, default=500, help='of each training')
    parser.add_argument('--seeds', type=int, default=2, help='trainings of each row')
    parser.add_argument('--rendered', type=int, default=400, help='synthetic labeled images')
    parser.add_argument('--camera', type=int, default=12, help='"real" labeled images')
    parser.add_argument('--val', type=int, default=60, help='"real" images to score')
    parser.add_argument('--short', action='store_true', help='only see that everything runs')
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    args = parser.parse_args()
    for name in ('iterations', 'seeds', 'rendered', 'camera', 'val'):
        check_whole(f'--{name}', getattr(args, name))
    if args.short:
        args.iterations, args.seeds, args.rendered, args.camera, args.val = 6, 1, 8, 4, 4
    return args


def generate(args: argparse.Namespace) -> tuple[Path, Path]:
    """Write both domains; the val streets are others than the training ones."""
    rendered = args.out / f'streets/rendered_{args.rendered}'
    camera = args.out / f'streets/camera_{args.camera}_{args.val}'
    write_streets(rendered, args.rendered, 'gta', 'rendered')
    write_streets(camera, args.camera, 'cityscapes', 'camera', split='train')
    write_streets(camera, args.val, 'cityscapes', 'camera', split='val', start=100_000)
    return rendered, camera


def options(config: str, seed: int, data: tuple[Path, Path], iterations: int) -> list[str]:
    """The values that a run changes in its config."""
    rendered, camera = data
    domains = 'train_dataloader.dataset.domains'
    values = {
        f'{domains}.target.data_root': camera,
        'val_dataloader.dataset.data_root': camera,
        'test_dataloader.dataset.data_root': camera,
        'train_cfg.max_iters': iterations,
        'train_cfg.val_interval': max(iterations // 4, 1),
        'default_hooks.checkpoint.interval': iterations,
        'default_hooks.logger.interval': min(10, max(iterations // 3, 1)),
        'default_hooks.images.interval': iterations,
        'randomness.seed': seed,
    }
    if 'joint' in config or 'hrs' in config:
        values[f'{domains}.source.data_root'] = rendered
    return ['--cfg-options', *(f'{key}={value}' for key, value in values.items())]


def call(tool: str, *arguments: object, log: Path) -> subprocess.Popen:
    """Start one of the project's tools."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(TOOLS / f'{tool}.py'), *map(str, arguments)]
    with log.open('w') as stream:
        return subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)


@contextmanager
def ended_with_us(process: subprocess.Popen) -> Iterator[None]:
    """Leave no tool running when this one is stopped."""
    try:
        yield
    except BaseException:
        process.terminate()
        process.wait()
        raise


def finish(process: subprocess.Popen, log: Path) -> None:
    """Wait for a tool; tell its last line if it failed."""
    with ended_with_us(process):
        process.wait()
    if process.returncode:
        last = log.read_text().strip().splitlines()[-1:]
        command: Any = process.args
        raise JointError(f'{" ".join(command[1:3])} failed ({log}): {"".join(last)}')


def train(name: str, work_dir: Path, values: list[str], config: Path, iterations: int) -> None:
    """Train a row once, unless it has been trained, under a progress bar."""
    checkpoint = work_dir / f'iter_{iterations}.pth'
    if checkpoint.exists():
        print(f'{name}: {checkpoint} exists')
        return
    log = work_dir / 'train.log'
    process = call('train', config, '--work-dir', work_dir, *values, log=log)
    with ended_with_us(process), tqdm(total=iterations, desc=name, unit='it') as bar:
        while process.poll() is None:
            time.sleep(0.5)
            bar.update(max(last_step(work_dir) - bar.n, 0))
        if not process.returncode:
            bar.update(iterations - bar.n)
    finish(process, log)


def last_step(work_dir: Path) -> int:
    """How far a running training has come."""
    logs = sorted(work_dir.glob('*/vis_data/scalars.json'))
    if not logs:
        return 0
    with logs[-1].open() as stream:
        lines = deque(stream, maxlen=1)
    try:
        return int(json.loads(lines[0]).get('step', 0))
    except (IndexError, ValueError):  # the line is being written
        return 0


def test(work_dir: Path, values: list[str], config: Path, iterations: int) -> float:
    """Test a row's last checkpoint; return its mIoU in percent."""
    out, log = work_dir / 'test', work_dir / 'test.log'
    arguments = (config, work_dir / f'iter_{iterations}.pth', '--work-dir', out, *values)
    finish(call('test', *arguments, log=log), log)
    newest = max(out.glob('*/*.json'), key=lambda path: path.stat().st_mtime)
    return float(json.loads(newest.read_text().splitlines()[-1])['mIoU'])


def draw(args: argparse.Namespace, runs: dict[str, list[Path]]) -> list[Path]:
    """Draw the images of the README."""
    made = []
    # the tools read the config that each run has left, with its data folders
    dumped = {name: f'{dirs[0]}/{ROWS[name]}.py' for name, dirs in runs.items()}
    checkpoint = f'iter_{args.iterations}.pth'
    hrs = list(runs)[-1]
    jobs: dict[str, list[str | Path]] = {
        'curves': [f'{name}={path}' for name, dirs in runs.items() for path in dirs],
        'predictions': [f'{name}={dumped[name]}:{runs[name][0] / checkpoint}' for name in runs],
        'weighting_maps': [dumped[hrs], runs[hrs][0] / checkpoint],
    }
    for kind, arguments in jobs.items():
        image, log = args.out / f'{kind}.png', args.out / f'{kind}.log'
        finish(call(f'plot_{kind}', *arguments, '--out', image, log=log), log)
        made.append(image)
    return made


def table(scores: dict[str, list[float]], args: argparse.Namespace) -> str:
    """The result as Markdown."""
    lines = ['| method | mIoU | seeds |', '|---|---|---|']
    for name, values in scores.items():
        spread = f' ± {stdev(values):.1f}' if len(values) > 1 else ''
        lines.append(f'| {name} | {mean(values):.1f}{spread} | {len(values)} |')
    lines.append('')
    lines.append(
        f'{args.camera} labeled camera streets, {args.rendered} rendered ones, {args.iterations} '
        f'iterations each; mIoU on {args.val} other camera streets.'
    )
    return '\n'.join(lines)


def main() -> None:
    """Generate, train, test, tabulate, draw."""
    started = time.time()
    args = parse_args()
    data = generate(args)
    scores: dict[str, list[float]] = {name: [] for name in ROWS}
    runs: dict[str, list[Path]] = {name: [] for name in ROWS}
    for seed in range(args.seeds):
        for name, config in ROWS.items():
            kind = f'{args.rendered}_{args.camera}_{args.val}'  # other data, other runs
            work_dir = args.out / f'runs_{kind}_{args.iterations}' / f'{config}_seed{seed}'
            values = options(config, seed, data, args.iterations)
            path = CONFIGS / f'{config}.py'
            train(f'{name}, seed {seed}', work_dir, values, path, args.iterations)
            scores[name].append(test(work_dir, values, path, args.iterations))
            runs[name].append(work_dir)
    text = table(scores, args)
    atomic_write(args.out / 'table.md', text + '\n')
    images = draw(args, runs)
    print(f'\n{text}\n\nImages: {", ".join(map(str, images))}')
    print(f'{(time.time() - started) / 60:.1f} minutes')


if __name__ == '__main__':
    run(main)
