#!/usr/bin/env python
"""Draw what the weighting maps select over training: CONFIG CHECKPOINT … --out weights.png."""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from mmseg_joint import setup
from mmseg_joint.checkpoints.fit import load_model
from mmseg_joint.engine.config_file import read_config
from mmseg_joint.utils.cfg_options import add_config_flags
from mmseg_joint.utils.cli import existing_file, positive, run
from mmseg_joint.visualization.figures import check_figure, save_figure
from mmseg_joint.visualization.weight_statistics import (
    WeightStatistics,
    draw_weight_statistics,
    weight_statistics,
)
from mmseg_joint.visualization.weighting_maps import source_samples, weigh_image, weighting_name


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Draw what the weighting maps select over training.'
    )
    parser.add_argument('config', help='config file of a method with HierarchicalWeighting')
    parser.add_argument('checkpoints', nargs='+', help='its checkpoint files, in order')
    parser.add_argument('--out', required=True, metavar='FILE', help='figure (png, pdf or svg)')
    parser.add_argument('--count', type=positive, default=24, help='number of source images')
    parser.add_argument('--seed', type=int, default=0, help='selects images and crops')
    parser.add_argument('--device', default='cpu', help='where the model runs')
    add_config_flags(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    setup()
    check_figure(args.out)
    cfg = read_config(args.config, args.cfg_options)
    name = weighting_name(cfg)
    for checkpoint in args.checkpoints:
        existing_file(checkpoint, 'checkpoint')
    samples, classes = source_samples(cfg, args.count, args.seed)
    found = {}
    for checkpoint in tqdm(args.checkpoints, 'checkpoints', disable=None):
        model = load_model(cfg, checkpoint, args.device, objectives=[name])
        images = [weigh_image(model, sample, name) for sample in samples]
        found[Path(checkpoint).stem] = weight_statistics(images, len(classes))
    save_figure(draw_weight_statistics(found, classes), args.out)
    for checkpoint, entry in found.items():
        print(describe(checkpoint, entry))
    print(f'{args.out}: {len(samples)} source images')


def describe(checkpoint: str, entry: WeightStatistics) -> str:
    shares = '  '.join(f'{weight:.2f}: {share:.1%}' for weight, share in entry.shares.items())
    levels = '  '.join(f'{level} {mean:.2f}' for level, mean in entry.levels.items())
    return (
        f'{checkpoint}: mean weight {entry.mean:.3f}  (predicted right {entry.right:.3f}, '
        f'wrong {entry.wrong:.3f})  {shares}  {levels}'
    )


if __name__ == '__main__':
    run(main)
