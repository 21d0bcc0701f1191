#!/usr/bin/env python
"""Write nested lists of labeled images: CONFIG|FOLDER --counts 50 100 --out DIR."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_joint.datasets.configured import domain_config
from mmseg_joint.datasets.label_lists.write import make_lists, write_lists
from mmseg_joint.engine.config_file import read_config
from mmseg_joint.errors import JointError
from mmseg_joint.utils.cli import run
from mmseg_joint.utils.walk import value_of

IMAGES = ('.png', '.jpg', '.jpeg')


def images_of(folder: str, suffix: str | None) -> BaseSegDataset:
    """List the images of a folder and its subfolders, as a dataset."""
    wanted = (suffix,) if suffix else IMAGES
    found = BaseSegDataset(
        img_suffix=wanted, data_prefix={'img_path': folder}, serialize_data=False, pipeline=[]
    )
    if not len(found):
        raise JointError(
            f'{folder} has no image that ends in {" or ".join(wanted)}: correct the folder or '
            '--suffix.'
        )
    found.img_suffix = suffix or ''  # the lists omit it
    return found


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Write nested lists of labeled images.')
    parser.add_argument('source', metavar='CONFIG|FOLDER', help='a config, or an image folder')
    parser.add_argument('--domain', help="which of the config's domains (default: target)")
    parser.add_argument(
        '--suffix', help='suffix of the image names in a folder, e.g. _leftImg8bit.png'
    )
    parser.add_argument('--counts', type=int, nargs='+', required=True, help='labeled images')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='one list for each')
    parser.add_argument('--out', required=True, metavar='DIR', help='folder for the lists')
    parser.add_argument('--held-out', action='store_true', help='also list the other images')
    parser.add_argument('--force', action='store_true', help='replace existing lists')
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    return parser.parse_args()


def main() -> None:
    """Draw the lists and write them."""
    args = parse_args()
    if Path(args.source).is_dir():
        if args.domain is not None:
            raise JointError('--domain goes with a config: leave it out for a folder.')
        dataset = images_of(args.source, args.suffix)
    else:
        if args.suffix is not None:
            raise JointError('--suffix goes with a folder: a config has its own img_suffix.')
        init_default_scope('mmseg')
        cfg = read_config(args.source)
        if args.domain is not None and not value_of(cfg, 'train_dataloader.dataset.domains'):
            raise JointError(f'--domain {args.domain}: the config has no domains, so leave it out.')
        _, found = domain_config(cfg, args.domain or 'target')
        # lazily: the lists that the config reads may not exist yet
        dataset = DATASETS.build({**found, 'lazy_init': True})
    lists = make_lists(dataset, args.counts, args.seeds, args.held_out)
    for name, digest in write_lists(lists, Path(args.out), args.force).items():
        print(f'{Path(args.out) / name}: {len(lists[name])} images, sha256 {digest}')


if __name__ == '__main__':
    run(main)
