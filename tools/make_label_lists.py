#!/usr/bin/env python
"""Write nested lists of labeled images: CONFIG|FOLDER --counts 50 100 --out DIR."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmseg_joint.datasets import JointDataset, LabelSubset, Unlabeled
from mmseg_joint.datasets.label_lists.write import make_lists, write_lists
from mmseg_joint.engine.config_file import config_value, read_config
from mmseg_joint.errors import JointError
from mmseg_joint.utils.cli import run

IMAGES = ('.png', '.jpg', '.jpeg')


class ImageFolder:
    """The images of a folder and the folders in it, as much of a dataset as a list needs."""

    def __init__(self, folder: str, suffix: str | None) -> None:
        self.data_prefix = {'img_path': folder}
        self.img_suffix = suffix or ''
        wanted = (suffix,) if suffix else IMAGES
        self.paths = [str(path) for path in Path(folder).rglob('*') if path.name.endswith(wanted)]
        if not self.paths:
            raise JointError(
                f'{folder} has no image that ends in {" or ".join(wanted)}: correct the folder '
                'or --suffix.'
            )

    def full_init(self) -> None:
        """Nothing is left to do."""

    def get_data_info(self, index: int) -> dict:
        """Return the path of an image."""
        return {'img_path': self.paths[index]}

    def __len__(self) -> int:
        return len(self.paths)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Write nested lists of labeled images.')
    parser.add_argument('source', metavar='CONFIG|FOLDER', help='a config, or an image folder')
    parser.add_argument('--domain', help="which of the config's domains (default: target)")
    parser.add_argument(
        '--suffix', help='end of the image names in a folder, e.g. _leftImg8bit.png'
    )
    parser.add_argument('--counts', type=int, nargs='+', required=True, help='labeled images')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='a list for each')
    parser.add_argument('--out', required=True, metavar='DIR', help='folder of the lists')
    parser.add_argument('--held-out', action='store_true', help='list the other images too')
    parser.add_argument('--force', action='store_true', help='replace lists that are there')
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    return parser.parse_args()


def main() -> None:
    """Draw the lists and write them."""
    args = parse_args()
    if Path(args.source).is_dir():
        if args.domain is not None:
            raise JointError('--domain goes with a config: leave it out for a folder.')
        dataset = ImageFolder(args.source, args.suffix)
    else:
        if args.suffix is not None:
            raise JointError('--suffix goes with a folder: a config has its own img_suffix.')
        dataset = configured(read_config(args.source), args.domain)
    lists = make_lists(dataset, args.counts, args.seeds, args.held_out)
    for name, digest in write_lists(lists, Path(args.out), args.force).items():
        print(f'{Path(args.out) / name}: {len(lists[name])} images, sha256 {digest}')


def configured(cfg: Config, domain: str | None) -> Any:
    """Build a training dataset of a config, all of it, whatever subset the config takes."""
    init_default_scope('mmseg')
    training = config_value(cfg, 'train_dataloader.dataset')
    domains = training.get('domains')
    if domains is None:
        if domain is not None:
            raise JointError(f'--domain {domain}: the config has no domains, so leave it out.')
        domains = {'target': training}
    domain = domain or 'target'
    if domain not in domains:
        raise JointError(f'--domain {domain}: the config has {", ".join(domains)}, so name one.')
    if isinstance(domains[domain], (list, tuple)):
        raise JointError(f'--domain {domain} is several datasets: name a folder instead.')
    # lazily: the lists that the config reads are perhaps yet to be made
    dataset = JointDataset({domain: domains[domain]}, lazy_init=True).domains[domain]
    while isinstance(dataset, (LabelSubset, Unlabeled)):
        dataset = dataset.dataset
    return dataset


if __name__ == '__main__':
    run(main)
