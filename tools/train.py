#!/usr/bin/env python
"""Train a model: tools/train.py CONFIG. The flags are those of mmsegmentation's tools/train.py.

A config that lists `stages` is trained stage after stage.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from mmseg_joint import setup
from mmseg_joint.engine.config_file import read_config
from mmseg_joint.engine.run import train
from mmseg_joint.utils.cfg_options import add_config_flags, add_launcher_flags
from mmseg_joint.utils.cli import existing_file, run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train a model.')
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='PATH',
        help='resume from a checkpoint; without PATH, from the newest in the work dir',
    )
    parser.add_argument('--amp', action='store_true', help='train in mixed precision')
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
    if args.resume not in (None, 'auto'):
        existing_file(args.resume, 'checkpoint')
    train(cfg, args.resume, args.amp)


if __name__ == '__main__':
    run(main)
