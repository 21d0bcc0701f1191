#!/usr/bin/env python
"""Export for plain mmsegmentation: tools/export_checkpoint.py CONFIG CHECKPOINT OUT."""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

from mmseg.registry import MODELS

from mmseg_joint import setup
from mmseg_joint.checkpoints.fit import load_model
from mmseg_joint.engine.config_file import read_config_of
from mmseg_joint.engine.recompute_norm import recompute_norm_of
from mmseg_joint.export import check_targets, plain_config, weights_of, write_export
from mmseg_joint.models.segmentors.joint_encoder_decoder import evaluated_segmentor
from mmseg_joint.utils.cfg_options import add_config_flags
from mmseg_joint.utils.cli import existing_file, positive, run


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Write a checkpoint and config for plain mmseg.')
    parser.add_argument('config', help='config that the checkpoint was trained with')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('out', help='the new checkpoint, NAME.pth; NAME.py is written beside it')
    parser.add_argument(
        '--safetensors', action='store_true', help='write NAME.safetensors too, for other programs'
    )
    parser.add_argument(
        '--with-package',
        action='store_true',
        help='keep the model as it is; the new config then imports mmseg_joint',
    )
    parser.add_argument(
        '--recompute-norm',
        type=positive,
        metavar='N',
        help="recompute batch norms' running averages from N training images of the target",
    )
    parser.add_argument('--force', action='store_true', help='replace existing files')
    add_config_flags(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    setup()
    sources = [
        Path(existing_file(args.config, 'config')),
        Path(existing_file(args.checkpoint, 'checkpoint')),
    ]
    targets = check_targets(Path(args.out), args.safetensors, args.force, sources)
    cfg = read_config_of(args.checkpoint, args.config, args.cfg_options)
    plain, meta = plain_config(cfg, args.with_package)
    loaded = load_model(cfg, args.checkpoint)
    if args.recompute_norm:
        recompute_norm_of(loaded, cfg, args.recompute_norm)
    tested = evaluated_segmentor(loaded)
    if tested is not loaded:
        print('the averaged weights are exported, which the config tests (evaluate="teacher")')
    trained = tested.state_dict()
    model = MODELS.build(copy.deepcopy(plain.model))
    model.load_state_dict({name: trained[name] for name in model.state_dict()})
    write_export(targets, weights_of(model), plain, meta)
    left = sorted({name.split('.')[0] for name in set(trained) - set(model.state_dict())})
    if left:
        print(f'left out, since plain mmseg has no such class: {", ".join(left)}')
    print(f'wrote {", ".join(map(str, targets))}')


if __name__ == '__main__':
    run(main)
