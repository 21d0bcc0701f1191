#!/usr/bin/env python
"""Draw training curves: --out curves.png NAME=WORK_DIR …; a repeated NAME is another seed."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmseg_joint.errors import JointError
from mmseg_joint.utils.cli import positive, run
from mmseg_joint.visualization.curves import draw_curves
from mmseg_joint.visualization.figures import check_figure, save_figure
from mmseg_joint.visualization.scalars import Series, read_scalars


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Draw the training curves of some runs.')
    parser.add_argument(
        'runs', nargs='+', metavar='NAME=WORK_DIR', help='a repeated NAME is another seed'
    )
    parser.add_argument('--out', required=True, metavar='FILE', help='figure (png, pdf or svg)')
    parser.add_argument(
        '--smooth', type=positive, help='log entries averaged per point (default: 1/60 of a run)'
    )
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    return parser.parse_args()


def main() -> None:
    """Read the logs and draw them."""
    args = parse_args()
    check_figure(args.out)
    runs: dict[str, list[dict[str, Series]]] = {}
    for text in args.runs:
        name, _, work_dir = text.partition('=')
        if not (name and work_dir and Path(work_dir).is_dir()):
            raise JointError(f'{text} is not NAME=WORK_DIR, or there is no such folder.')
        runs.setdefault(name, []).append(read_scalars(work_dir))
    save_figure(draw_curves(runs, args.smooth), args.out)
    print(f'{args.out}: {", ".join(f"{name} ({len(seeds)})" for name, seeds in runs.items())}')


if __name__ == '__main__':
    run(main)
