#!/usr/bin/env python
"""Draw the weights that source images get (HRS, Fig. 4): CONFIG CHECKPOINT --out maps.png."""

from __future__ import annotations

import argparse

from mmseg_joint import setup
from mmseg_joint.checkpoints.fit import load_model
from mmseg_joint.engine.config_file import read_config
from mmseg_joint.utils.cfg_options import add_config_flags
from mmseg_joint.utils.cli import existing_file, positive, run
from mmseg_joint.visualization.figures import check_figure, save_figure
from mmseg_joint.visualization.weighting_maps import (
    SOURCE,
    draw_weighting_maps,
    source_samples,
    weigh_image,
    weighting_name,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Draw the weights that source images get.')
    parser.add_argument('config', help='config file of a method with HierarchicalWeighting')
    parser.add_argument('checkpoint', help='its checkpoint file')
    parser.add_argument('--out', required=True, metavar='FILE', help='figure (png, pdf or svg)')
    parser.add_argument('--count', type=positive, default=4, help='number of images')
    parser.add_argument('--seed', type=int, default=0, help='selects images and crops')
    parser.add_argument('--device', default='cpu', help='where the model runs')
    add_config_flags(parser)
    return parser.parse_args()


def main() -> None:
    """Draw the weights of some source images."""
    args = parse_args()
    setup()
    check_figure(args.out)
    cfg = read_config(args.config, args.cfg_options)
    name = weighting_name(cfg)
    checkpoint = existing_file(args.checkpoint, 'checkpoint')
    model = load_model(cfg, checkpoint, args.device, objectives=[name])
    samples, _ = source_samples(cfg, args.count, args.seed)
    images = [weigh_image(model, sample, name) for sample in samples]
    per_class = cfg.model.objectives[name].get('per_class', True)
    save_figure(draw_weighting_maps(images, per_class), args.out)
    print(f'{args.out}: {len(images)} images of {SOURCE}')


if __name__ == '__main__':
    run(main)
