#!/usr/bin/env python
"""Write a resized, label-mapped copy of a dataset: CONFIG --domain source, or --type --root."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_joint.datasets import RawLabelDataset
from mmseg_joint.datasets.configured import domain_config
from mmseg_joint.datasets.prepared.writing import to_prepare, write_copy
from mmseg_joint.datasets.unlabeled import without_labels
from mmseg_joint.engine.config_file import read_config
from mmseg_joint.errors import JointError
from mmseg_joint.utils.cfg_options import add_config_flags
from mmseg_joint.utils.cli import positive, run

INTERPOLATIONS = ('nearest', 'bilinear', 'bicubic', 'area', 'lanczos')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Write a resized, label-mapped copy of a dataset, once, for faster reading.'
    )
    parser.add_argument('config', nargs='?', help='config file')
    parser.add_argument('--domain', help="which of the config's domains, e.g. source")
    kinds = DATASETS.module_dict.items()
    known = [name for name, kind in kinds if issubclass(kind, RawLabelDataset)]
    alone = parser.add_argument_group('without a config')
    alone.add_argument('--type', choices=known, help='type of the dataset')
    alone.add_argument('--root', help='its folder')
    alone.add_argument(
        '--size', nargs=2, type=positive, metavar=('W', 'H'), help='size of the copy'
    )
    alone.add_argument(
        '--interpolation', choices=INTERPOLATIONS, help='for the images (default: bilinear)'
    )
    parser.add_argument('--out', metavar='DIR', help='by default the data root with _WxH appended')
    parser.add_argument(
        '--compress',
        action='store_true',
        help='a third smaller, but three times as slow to read',
    )
    parser.add_argument('--workers', type=positive, help='threads (default: one per core)')
    add_config_flags(parser)
    return parser.parse_args(argv)


def chosen(args: argparse.Namespace) -> tuple[str, dict]:
    """Return the name of the dataset for messages (its key or type), and its config."""
    if args.config:
        if args.type or args.root or args.size or args.interpolation:
            raise JointError(
                '--type, --root, --size and --interpolation are for a dataset without a config, '
                'which has its own: leave them out.'
            )
        return domain_config(read_config(args.config, args.cfg_options), args.domain)
    if not (args.type and args.root and args.size):
        raise JointError('Name a CONFIG and its --domain, or give --type, --root and --size.')
    labels = 'Synthia' if args.type == 'SynthiaDataset' else 'Mapped'
    resize = {'scale': tuple(args.size), 'interpolation': args.interpolation or 'bilinear'}
    steps = [{'type': 'LoadCheckedImage'}, {'type': f'Load{labels}Annotations'}]
    cfg = Config({'type': args.type, 'data_root': args.root})
    cfg.merge_from_dict(args.cfg_options or {})
    found = {**cfg, 'pipeline': [*steps, {'type': 'Resize', **resize}]}
    return args.type, found if cfg.get('labeled', True) else without_labels(found)


def main(argv: list[str] | None = None) -> None:
    """Write the copy and say how to use it."""
    args = parse_args(argv)
    init_default_scope('mmseg')
    key, cfg = chosen(args)
    dataset, setting = to_prepare(cfg, key)
    root = str(dataset.data_root or '').rstrip('/\\')
    if not (args.out or root):
        raise JointError(f'{key} has no data_root: choose a folder with --out.')
    width, height = setting.size
    out = Path(args.out or f'{root}_{width}x{height}')
    written = write_copy(dataset, setting, out, args.compress, args.workers)
    print(f'{out}: {len(dataset)} images of {width}x{height}, {written} of them written now')
    print(f'to read it: --cfg-options {key}.prepared={out}' if args.config else f"prepared='{out}'")


if __name__ == '__main__':
    run(main)
