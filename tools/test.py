#!/usr/bin/env python
"""Test a checkpoint: tools/test.py CONFIG CHECKPOINT. The flags are those of mmsegmentation's."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from mmengine.config import Config

from mmseg_joint import setup
from mmseg_joint.checks import refuse
from mmseg_joint.engine.config_file import read_config
from mmseg_joint.engine.run import test
from mmseg_joint.engine.stages import config_of_checkpoint
from mmseg_joint.errors import JointError
from mmseg_joint.utils.cfg_options import add_config_flags, add_launcher_flags
from mmseg_joint.utils.cli import existing_file, positive, run
from mmseg_joint.utils.walk import datasets_in, metrics_of


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Test a checkpoint.')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--work-dir', help='folder for the logs')
    parser.add_argument('--out', metavar='DIR', help='save predictions (PNG, class indices) here')
    parser.add_argument('--show', action='store_true', help='show each prediction in a window')
    parser.add_argument('--show-dir', metavar='DIR', help='paint predictions over images here')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds for each window')
    parser.add_argument('--tta', action='store_true', help='test-time augmentation')
    parser.add_argument(
        '--recompute-norm',
        type=positive,
        metavar='N',
        help="recompute batch norms' running averages from N training images of the target",
    )
    add_launcher_flags(parser)
    add_config_flags(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    setup()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir or not cfg.get('work_dir'):
        cfg.work_dir = args.work_dir or str(Path('work_dirs') / Path(args.config).stem)
    cfg = config_of_checkpoint(cfg, existing_file(args.checkpoint, 'checkpoint'))
    refuse('config', 'test', cfg)  # the flags change parts of it
    cfg.load_from = args.checkpoint
    if args.show or args.show_dir:
        draw_predictions(cfg, args)
    if args.tta:
        augment(cfg)
    if args.out:
        metrics_of(cfg.test_evaluator)[0].update(output_dir=args.out, keep_results=True)
    test(cfg, args.recompute_norm)


def draw_predictions(cfg: Config, args: argparse.Namespace) -> None:
    hook = cfg.get('default_hooks', {}).get('visualization')
    if hook is None:
        raise JointError(
            '--show and --show-dir draw through default_hooks.visualization, which the config '
            "lacks: add dict(type='SegVisualizationHook')."
        )
    if not cfg.get('visualizer'):
        raise JointError(
            '--show and --show-dir draw through visualizer, which the config lacks: add '
            "dict(type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')])."
        )
    hook.update(draw=True, interval=1, show=args.show, wait_time=args.wait_time)
    cfg.visualizer.save_dir = args.show_dir


def augment(cfg: Config) -> None:
    for key in ('tta_model', 'tta_pipeline'):
        if key not in cfg:
            raise JointError(f'--tta needs {key}, which the config lacks.')
    for *_, (_, dataset) in datasets_in(cfg.test_dataloader.dataset, 'test_dataloader.dataset'):
        dataset['pipeline'] = cfg.tta_pipeline
    cfg.tta_model.module = cfg.model
    cfg.model = cfg.tta_model


if __name__ == '__main__':
    run(main)
