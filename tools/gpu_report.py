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
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from mmseg_joint.benchmark.gpu_table import as_markdown
from mmseg_joint.utils.atomic_write import atomic_write, check_writable
from mmseg_joint.utils.cli import run

ROOT = Path(__file__).resolve().parents[1]
MEASURE = [sys.executable, '-m', 'mmseg_joint.benchmark.gpu']
TINY = '--size 128 64 --steps 3 --warmup 1 --seconds 0.1 --workers 2 --tiny'
TESTS = '-q -m cuda tests/cuda -p no:cacheprovider -W ignore --tb=short --show-capture=no'
CUT = 'cut off'  # when the whole report was
# part -> its flags, and seconds at most: about 1.4 times what an H100 took, or was seen not to be
# enough; the most informative first
PARTS = {
    'steps hrs': ('steps --config hrs_fcn8s_gta_city --size 1024 512', 100),
    'steps ga_csa': ('steps --config ga_csa_deeplabv2_gta_city --size 1280 720', 100),
    'waiting': ('waiting --size 1024 512', 90),
    'sequential': ('sequential --size 1280 720', 150),
    'loading': ('loading --size 1024 512', 60),
    'steps maxsquare': ('steps --config maxsquare_deeplabv2_gta_city --size 1280 720', 110),
    'steps strong': ('steps --config strong_segformer_b0_gta_city --size 512 512', 90),
    'tests': (f'{TESTS} --durations=5', 180),
    'steps joint': ('steps --config joint_fcn8s_gta_city --size 1024 512', 60),
    'steps hrs compiled': ('steps --config hrs_fcn8s_gta_city --size 1024 512 --compiled', 120),
    'steps ga_csa compiled': (
        'steps --config ga_csa_deeplabv2_gta_city --size 1280 720 --compiled',
        150,
    ),
}


def command_of(name: str, flags: str, scratch: Path, tiny: bool) -> list[str]:
    """Return the command of a part, with images in `scratch`; with `tiny`, it is a rehearsal."""
    if name == 'tests':
        return [sys.executable, '-m', 'pytest', *flags.split()]
    folder, few = str(scratch / 'data'), TINY.split() if tiny else []
    return [*MEASURE, *flags.split(), '--folder', folder, *few]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path, help='folder for report.json and report.md')
    parser.add_argument('--scratch', type=Path, help='folder for logs and images (default: OUT)')
    parser.add_argument(
        '--minutes', type=float, default=8.0, help='time limit of all parts together'
    )
    parser.add_argument(
        '--only',
        nargs='+',
        choices=PARTS,
        metavar='PART',
        help='parts to run: tests, sequential, "steps hrs", …',
    )
    parser.add_argument(
        '--tiny', action='store_true', help='rehearse at a tiny size, even on a CPU'
    )
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    args = parser.parse_args(argv)
    scratch = (args.scratch or args.out).resolve()
    for folder in (args.out, scratch):
        folder.mkdir(parents=True, exist_ok=True)
    check_writable(str(args.out / 'report.json'), 'out')
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `timeout` sends SIGTERM
    begin = time.monotonic()
    report: dict[str, Any] = {'machine': machine(args.tiny), 'parts': {}}
    for name, (flags, limit) in PARTS.items():
        if args.only and name not in args.only:
            continue
        left = 60 * args.minutes - (time.monotonic() - begin)
        found = {'status': 'no time left'}
        if left > 5:
            print(f'[{60 * args.minutes - left:5.0f} s] {name} …', flush=True)
            command = command_of(name, flags, scratch, args.tiny)
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
    """Describe what the numbers were measured on."""
    cuda = torch.cuda.is_available()
    return {
        'device': torch.cuda.get_device_name() if cuda else 'cpu',
        'torch': torch.__version__,
        'cuda': torch.version.cuda,
        'python': sys.version.split()[0],
        'rehearsal': tiny or not cuda,
    }


def run_part(name: str, command: list[str], limit: float, scratch: Path) -> dict[str, Any]:
    """Run a part in its own process, and keep what it has written when its time is up.

    Args:
        name: The part.
        command: Command that runs it.
        limit: Seconds at most.
        scratch: Folder of logs and numbers.

    Returns:
        `status`, `seconds`, the `numbers` written so far, and the log's `tail`.
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
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, sign)
            process.wait(1)


if __name__ == '__main__':
    run(main)
