#!/usr/bin/env python
"""Tests and measures everything on one GPU: tools/gpu_report.py OUT."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from mmseg_joint.benchmark.gpu_table import as_markdown
from mmseg_joint.utils.atomic_write import atomic_write, check_writable
from mmseg_joint.utils.cli import run

ROOT = Path(__file__).resolve().parents[1]
MEASURE = [sys.executable, '-m', 'mmseg_joint.benchmark.gpu']
WIDE, HALF, CROP = ('1280', '720'), ('1024', '512'), ('512', '512')
TINY_SIZE = ('128', '64')
CUT = 'cut off'  # with the whole report


def parts(scratch: Path, tiny: bool) -> list[tuple[str, list[str], float]]:
    """Name, command and seconds at most of each part, the most telling first.

    Args:
        scratch: Folder for images.
        tiny: Whether it is a rehearsal.
    """
    few = '--steps 3 --warmup 1 --seconds 0.1 --workers 2 --tiny' if tiny else ''

    def measure(part: str, size: tuple[str, str], *more: str) -> list[str]:
        chosen = TINY_SIZE if tiny else size
        return [*MEASURE, part, '--size', *chosen, *more, *few.split()]

    def steps(config: str, size: tuple[str, str], *more: str) -> list[str]:
        return measure('steps', size, '--config', config, *more)

    data = ['--folder', str(scratch / 'data')]
    options = '-q -p no:cacheprovider -W ignore --tb=short --show-capture=no --durations=5'
    tests = [sys.executable, '-m', 'pytest', '-m', 'cuda', 'tests/cuda', *options.split()]
    # the limits are about 1.4 times what an H100 took, or was seen not to be enough
    return [
        ('steps hrs', steps('hrs_fcn8s_gta_city', HALF), 100),
        ('steps ga_csa', steps('ga_csa_deeplabv2_gta_city', WIDE), 100),
        ('waiting', measure('waiting', HALF, *data), 90),
        ('sequential', measure('sequential', WIDE), 150),
        ('loading', measure('loading', HALF, *data), 60),
        ('steps maxsquare', steps('maxsquare_deeplabv2_gta_city', WIDE), 110),
        ('steps strong', steps('strong_segformer_b0_gta_city', CROP), 90),
        ('tests', tests, 180),
        ('steps joint', steps('joint_fcn8s_gta_city', HALF), 60),
        ('steps hrs compiled', steps('hrs_fcn8s_gta_city', HALF, '--compiled'), 120),
        ('steps ga_csa compiled', steps('ga_csa_deeplabv2_gta_city', WIDE, '--compiled'), 150),
    ]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path, help='folder for report.json and report.md')
    parser.add_argument('--scratch', type=Path, help='folder for logs and images; OUT by default')
    parser.add_argument('--minutes', type=float, default=8.0, help='for all parts together')
    parser.add_argument(
        '--only', nargs='+', metavar='PART', help='of: tests, sequential, "steps hrs", …'
    )
    parser.add_argument('--tiny', action='store_true', help='rehearse at a tiny size, on a CPU too')
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    args = parser.parse_args(argv)
    scratch = (args.scratch or args.out).resolve()
    for folder in (args.out, scratch):
        folder.mkdir(parents=True, exist_ok=True)
    check_writable(str(args.out / 'report.json'), 'out')
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as what `timeout` sends
    begin = time.monotonic()
    report: dict[str, Any] = {'machine': machine(args.tiny), 'parts': {}}
    for name, command, limit in parts(scratch, args.tiny):
        if args.only and name not in args.only:
            continue
        left = 60 * args.minutes - (time.monotonic() - begin)
        found = {'status': 'no time left'}
        if left > 5:
            print(f'[{60 * args.minutes - left:5.0f} s] {name} …', flush=True)
            found = run_part(name, command, min(limit if not args.tiny else 600, left), scratch)
        report['parts'][name] = found
        report['seconds'] = round(time.monotonic() - begin, 1)
        atomic_write(args.out / 'report.json', json.dumps(report, indent=1))
        atomic_write(args.out / 'report.md', as_markdown(report))
        if found['status'] == CUT:
            break
    print((args.out / 'report.md').read_text())
    print(f'{report.get("seconds", 0)} s in all; {args.out / "report.json"}')


def machine(tiny: bool) -> dict[str, Any]:
    """What the numbers were measured on."""
    cuda = torch.cuda.is_available()
    return {
        'device': torch.cuda.get_device_name() if cuda else 'cpu',
        'torch': torch.__version__,
        'cuda': torch.version.cuda,
        'python': sys.version.split()[0],
        'rehearsal': tiny or not cuda,
    }


def run_part(name: str, command: list[str], limit: float, scratch: Path) -> dict[str, Any]:
    """Run a part in a process of its own, and keep what it has written when its time is up.

    Args:
        name: The part.
        command: What runs it.
        limit: Seconds at most.
        scratch: Folder of logs and numbers.

    Returns:
        `status`, `seconds`, `numbers` as far as they came, and the log's `tail`.
    """
    stem = name.replace(' ', '_')
    log, numbers = scratch / f'{stem}.log', scratch / f'{stem}.json'
    numbers.unlink(missing_ok=True)
    if name != 'tests':
        command = [*command, '--json', str(numbers)]
    begin = time.monotonic()
    with log.open('w') as file:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = process.wait(limit)
            status = 'done' if code == 0 else f'failed with status {code}'
        except subprocess.TimeoutExpired:
            status = f'ended after {limit:.0f} s'
            _end(process)
        except KeyboardInterrupt:
            status = CUT
            _end(process)
    tail = log.read_text(errors='replace').splitlines()[-25:]
    for line in tail[-12:]:
        print('   ', line[:160], flush=True)
    found = {'status': status, 'seconds': round(time.monotonic() - begin, 1), 'tail': tail}
    if numbers.is_file():
        found['numbers'] = json.loads(numbers.read_text())
    return found


def _end(process: subprocess.Popen) -> None:
    """End a part and the workers that it started."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            return
        time.sleep(1)


if __name__ == '__main__':
    run(main)
