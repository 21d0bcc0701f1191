#!/usr/bin/env python
"""Train a model: tools/train.py CONFIG. The flags are those of mmsegmentation's tools/train.py.

A config that lists `stages` is trained stage after stage.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from mmengine.config import Config

from mmseg_joint import setup
from mmseg_joint.checkpoints.find import checkpoint_to_resume
from mmseg_joint.checkpoints.fit import check_checkpoint
from mmseg_joint.engine.class_check import check_classes
from mmseg_joint.engine.config_checks import check_parts, check_sections
from mmseg_joint.engine.config_file import read_config
from mmseg_joint.engine.launch import build_runner, close_process_group, use_mixed_precision
from mmseg_joint.engine.stage_training import train_stages
from mmseg_joint.engine.stages import read_stages
from mmseg_joint.utils.cfg_options import CfgOptions
from mmseg_joint.utils.cli import existing_file, run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train a model.')
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder of logs and checkpoints')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='PATH',
        help='go on from a checkpoint; without PATH, from the newest in the work dir',
    )
    parser.add_argument('--amp', action='store_true', help='train in mixed precision')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=CfgOptions,
        metavar='KEY=VALUE',
        help='change values of the config, like train_cfg.max_iters=1000',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='job launcher',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    setup()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_config(args.config, args.cfg_options)
    check_sections(cfg)
    cfg.launcher = args.launcher
    if args.work_dir or not cfg.get('work_dir'):
        cfg.work_dir = args.work_dir or str(Path('work_dirs') / Path(args.config).stem)
    if args.resume not in (None, 'auto'):
        existing_file(args.resume, 'checkpoint')
    if cfg.get('stages') is None:
        train(cfg, args)
    else:
        train_in_stages(cfg, args)
    close_process_group()


def train(cfg: Config, args: argparse.Namespace) -> None:
    check_parts(cfg, 'train')
    if args.amp:
        use_mixed_precision(cfg)
    if args.resume not in (None, 'auto'):
        cfg.resume, cfg.load_from = True, args.resume
    elif args.resume or (cfg.get('resume') and not cfg.get('load_from')):
        newest = checkpoint_to_resume(cfg)
        cfg.resume = newest is not None
        cfg.load_from = newest or cfg.get('load_from')
    runner = build_runner(cfg)
    check_checkpoint(cfg, runner.model, 'resume' if cfg.get('resume') else 'start')
    check_classes(runner.model, runner.train_loop.dataloader.dataset, 'train_dataloader.dataset')
    if args.resume and not cfg.resume:
        runner.logger.warning(f'{cfg.work_dir} has no whole checkpoint: training starts anew.')
    runner.train()


def train_in_stages(cfg: Config, args: argparse.Namespace) -> None:
    stages = read_stages(cfg)
    for stage in stages:
        check_parts(stage.cfg, 'train')
        if args.amp:
            use_mixed_precision(stage.cfg)
    train_stages(stages, cfg.work_dir, args.resume or ('auto' if cfg.get('resume') else None))


if __name__ == '__main__':
    run(main)
