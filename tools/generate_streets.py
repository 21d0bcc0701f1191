"""Writes procedural street scenes in the layout of GTA5, SYNTHIA or Cityscapes."""

from __future__ import annotations

import argparse

from mmseg_joint.streets import write_streets
from mmseg_joint.utils.cli import run


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', help='folder for the dataset')
    parser.add_argument('--layout', default='gta', help='gta, synthia or cityscapes')
    parser.add_argument(
        '--style', default='rendered', help='rendered (synthetic) or camera (the "real" domain)'
    )
    parser.add_argument('--count', type=int, default=500, help='number of images')
    parser.add_argument(
        '--size', type=int, nargs=2, default=(480, 360), metavar=('WIDTH', 'HEIGHT')
    )
    parser.add_argument('--seed', type=int, default=0, help='other seeds give other streets')
    parser.add_argument('--start', type=int, default=0, help='index of the first street')
    parser.add_argument('--split', default='train', help='split, for the cityscapes layout')
    parser.add_argument(
        '--workers', type=int, default=None, help='processes (default: one per core)'
    )
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Write the images that the command line asks for."""
    args = parse_args(argv)
    write_streets(
        args.out,
        args.count,
        args.layout,
        args.style,
        tuple(args.size),
        seed=args.seed,
        start=args.start,
        split=args.split,
        workers=args.workers,
    )


if __name__ == '__main__':
    run(main)
