#!/usr/bin/env python
"""Write a resized, label-mapped copy of a dataset: CONFIG --domain source, or --type --root."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmseg_joint.datasets.prepared.configured import domain_config, to_prepare
from mmseg_joint.datasets.prepared.writing import write_copy
from mmseg_joint.engine.config_file import read_config
from mmseg_joint.errors import JointError
from mmseg_joint.utils.cfg_options import add_config_flags
from mmseg_joint.utils.cli import run


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Write a resized, label-mapped copy of a dataset, once, for faster reading.'
    )
    parser.add_argument('config', nargs='?', help='config file')
    parser.add_argument('--domain', help="which of the config's domains, e.g. source")
    parser.add_argument('--type', help='without a config: type of the dataset, e.g. GTADataset')
    parser.add_argument('--root', help='without a config: folder of the dataset')
    parser.add_argument(
        '--size',
        nargs=2,
        type=int,
        metavar=('W', 'H'),
        help="without a config; else it is that of the config's Resize",
    )
    parser.add_argument(
        '--interpolation',
        choices=['nearest', 'bilinear', 'bicubic', 'area', 'lanczos'],
        help="of the images, without a config (bilinear); else it is that of the config's Resize",
    )
    parser.add_argument('--out', metavar='DIR', help='by default the data root, _WxH added')
    parser.add_argument(
        '--compress', action='store_true', help='a third smaller, three times as slow to read'
    )
    parser.add_argument('--workers', type=int, help='threads; by default one a core')
    add_config_flags(parser)
    args = parser.parse_args(argv)
    for flag, value in (('--size', min(args.size or (1,))), ('--workers', args.workers)):
        if value is not None and value < 1:
            raise JointError(f'{flag} must be at least 1, not {value}.')
    return args


def chosen(args: argparse.Namespace) -> tuple[str | None, dict]:
    """Return the key, if there is one, and the config of the dataset to prepare."""
    if args.config:
        if args.type or args.root:
            raise JointError('--type and --root are for a dataset without a config: leave one out.')
        cfg = read_config(args.config, args.cfg_options)
        return domain_config(cfg, args.domain)
    if not (args.type and args.root and args.size):
        raise JointError('Name a CONFIG and its --domain, or give --type, --root and --size.')
    cfg = Config({'type': args.type, 'data_root': args.root})
    cfg.merge_from_dict(args.cfg_options or {})
    return None, dict(cfg.items())


def main(argv: list[str] | None = None) -> None:
    """Write the copy and say how to use it."""
    args = parse_args(argv)
    init_default_scope('mmseg')
    key, cfg = chosen(args)
    dataset, setting = to_prepare(cfg, key or args.type, args.size, args.interpolation)
    root = str(dataset.data_root or '').rstrip('/\\')
    if not (args.out or root):
        raise JointError(f'{key or args.type} has no data_root: choose a folder with --out.')
    width, height = setting.size
    out = Path(args.out or f'{root}_{width}x{height}')
    written = write_copy(dataset, setting, out, args.compress, args.workers)
    print(f'{out}: {len(dataset)} images of {width}x{height}, {written} of them written now')
    print(f'to read it: --cfg-options {key}.prepared={out}' if key else f"prepared='{out}'")


if __name__ == '__main__':
    run(main)
