#!/usr/bin/env python
"""Label images with a trained network: tools/pseudo_labels.py CONFIG CHECKPOINT --out DIR."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.registry import init_default_scope

from mmseg_joint import setup
from mmseg_joint.checkpoints.fit import load_model
from mmseg_joint.engine.config_file import read_config_of
from mmseg_joint.errors import JointError
from mmseg_joint.utils.cfg_options import add_config_flags
from mmseg_joint.utils.cli import existing_file, run
from mmseg_joint.writing.images import images_of_domain, images_of_folder
from mmseg_joint.writing.label_folder import LabelFolder
from mmseg_joint.writing.pseudo_labels import write_pseudo_labels


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Label images with a trained network where it is confident: a labeled dataset.'
    )
    parser.add_argument('config', help='config of the network')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('--out', required=True, metavar='DIR', help='folder for the new dataset')
    parser.add_argument(
        '--domain', default='unlabeled', help="whose images: one of the config's domains"
    )
    parser.add_argument(
        '--images', metavar='DIR', help='label the images below this folder instead'
    )
    parser.add_argument('--suffix', default='.png', help='suffix of the names of --images')
    parser.add_argument(
        '--quantile',
        type=share,
        default=0.5,
        help="share of each class's pixels below its threshold (0.5, the median); 1: --cap for all",
    )
    parser.add_argument('--cap', type=share, default=0.9, help='largest threshold (0.9)')
    parser.add_argument('--workers', type=int, default=2, help='processes that load images (2)')
    parser.add_argument('--device', default='cpu', help='where the network runs, e.g. cuda')
    parser.add_argument('--force', action='store_true', help='replace an existing dataset')
    add_config_flags(parser)
    return parser.parse_args(argv)


def share(text: str) -> float:
    """Read a number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'{text} is not a number from 0 to 1')
    return value


def main(argv: list[str] | None = None) -> None:
    """Predict all images, find the thresholds and write the labels."""
    args = parse_args(argv)
    setup()
    init_default_scope('mmseg')
    checkpoint = existing_file(args.checkpoint, 'checkpoint')
    cfg = read_config_of(checkpoint, args.config, args.cfg_options)
    if args.images:
        dataset = images_of_folder(cfg, Path(args.images), args.suffix)
    else:
        dataset = images_of_domain(cfg, args.domain)
    model = load_model(cfg, checkpoint, args.device)
    classes, palette = (dataset.metainfo[key] for key in ('classes', 'palette'))
    if len(classes) != model.num_classes:
        raise JointError(
            f'The network predicts {model.num_classes} classes, but the images are of a dataset '
            f'with {len(classes)}: correct its protocol or model.decode_head.num_classes.'
        )
    read = dataset.data_prefix['img_path']
    folder = LabelFolder(Path(args.out), classes, palette, args.force, read)
    summary = write_pseudo_labels(
        model, dataset, folder, args.quantile, args.cap, max(args.workers, 0)
    )
    for row in summary:
        kept = '-' if row['kept'] is None else f'{row["kept"]:.1%}'
        print(f'{row["class"]:>15}: {row["predicted"]:6.2%} of the pixels, ', end='')
        print(f'kept from {row["threshold"]:.4f}: {kept}')
    print(f'{args.out}: {len(dataset)} labels')
    print(f"to train on them: dict(type='WrittenDataset', data_root='{args.out}', pipeline=…)")


if __name__ == '__main__':
    run(main)
