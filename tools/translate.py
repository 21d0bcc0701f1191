#!/usr/bin/env python
"""Translate images to the look of real ones: tools/translate.py CONFIG CHECKPOINT --out DIR."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.registry import init_default_scope

from mmseg_joint import setup
from mmseg_joint.checkpoints.fit import load_model
from mmseg_joint.engine.config_file import objective_name, read_config_of
from mmseg_joint.models.objectives import CycleTranslation
from mmseg_joint.utils.cfg_options import add_config_flags
from mmseg_joint.utils.cli import existing_file, run
from mmseg_joint.writing.images import labeled_images_of_domain
from mmseg_joint.writing.label_folder import LabelFolder
from mmseg_joint.writing.translated_images import write_translated_images


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Write images in the look of the target, with the labels of their originals.'
    )
    parser.add_argument('config', help='config of the translation, with a CycleTranslation')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('--out', required=True, metavar='DIR', help='folder for the new dataset')
    parser.add_argument('--domain', default='source', help='whose images')
    parser.add_argument('--workers', type=int, default=2, help='processes that load images (2)')
    parser.add_argument('--device', default='cpu', help='where the network runs, e.g. cuda')
    parser.add_argument('--force', action='store_true', help='replace an existing dataset')
    add_config_flags(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Translate all images of the domain."""
    args = parse_args(argv)
    setup()
    init_default_scope('mmseg')
    checkpoint = existing_file(args.checkpoint, 'checkpoint')
    cfg = read_config_of(checkpoint, args.config, args.cfg_options)
    dataset = labeled_images_of_domain(cfg, args.domain)
    remedy = 'give the config that the checkpoint was trained with, which translates'
    name = objective_name(cfg, CycleTranslation, remedy)
    model = load_model(cfg, checkpoint, args.device, [name])
    metainfo = dataset.metainfo
    read = dataset.data_prefix['img_path']
    folder = LabelFolder(Path(args.out), metainfo['classes'], metainfo['palette'], args.force, read)
    count = write_translated_images(model, name, dataset, folder, max(args.workers, 0))
    print(f'{args.out}: {count} images with labels')
    print(f"to train on them: dict(type='WrittenDataset', data_root='{args.out}', pipeline=…)")


if __name__ == '__main__':
    run(main)
