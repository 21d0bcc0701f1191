#!/usr/bin/env python
"""Print the norm of each loss's gradient: tools/gradient_norms.py CONFIG CHECKPOINT."""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import mean
from types import SimpleNamespace

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_joint import setup
from mmseg_joint.checkpoints.fit import load_model
from mmseg_joint.checkpoints.read import read_content
from mmseg_joint.engine import FreezeNormHook
from mmseg_joint.engine.config_file import config_value, read_config
from mmseg_joint.engine.gradient_norms import gradient_norms
from mmseg_joint.engine.launch import without_workers
from mmseg_joint.errors import JointError
from mmseg_joint.utils.cfg_options import add_config_flags
from mmseg_joint.utils.cli import existing_file, positive, run
from mmseg_joint.utils.walk import class_of


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Print how strongly each loss acts on the segmentor: its gradient norm.'
    )
    parser.add_argument('config', help='config file of a joint model')
    parser.add_argument('checkpoints', nargs='+', help='its checkpoint files')
    parser.add_argument('--part', default='backbone', help='backbone, neck or decode_head')
    parser.add_argument('--batches', type=positive, default=4, help='batches to average over')
    parser.add_argument('--device', default='cpu', help='where the model runs')
    add_config_flags(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    setup()
    cfg = read_config(args.config, args.cfg_options)
    for checkpoint in args.checkpoints:
        existing_file(checkpoint, 'checkpoint')
    batches = first_batches(cfg, args.batches)
    configured = config_value(cfg, 'model').get('objectives') or {}
    objectives = [name for name, value in configured.items() if value]
    for checkpoint in args.checkpoints:
        content = read_content(checkpoint, keep=True)
        model = load_model(cfg, checkpoint, args.device, objectives=objectives)
        set_training_mode(model, cfg, (content.get('meta') or {}).get('iter', 0))
        part = getattr(model, args.part, None)
        if not isinstance(part, torch.nn.Module):
            raise JointError(f'--part {args.part}: the model has no such part; try backbone.')
        print_norms(Path(checkpoint).stem, [gradient_norms(model, b, part) for b in batches])


def set_training_mode(model: torch.nn.Module, cfg: Config, iteration: int) -> None:
    """Put a model into the mode of its training, in which `FreezeNormHook` may freeze norms."""
    model.train()
    for hook in cfg.get('custom_hooks') or []:
        if class_of(hook, HOOKS) is FreezeNormHook:
            own = {key: value for key, value in hook.items() if key != 'priority'}
            HOOKS.build(own).before_train_iter(SimpleNamespace(model=model, iter=iteration))


def first_batches(cfg: Config, count: int) -> list[dict]:
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    loader = without_workers(config_value(cfg, 'train_dataloader'))
    batches = iter(Runner.build_dataloader(loader, seed=0))
    return [next(batches) for _ in range(count)]


def print_norms(checkpoint: str, found: list[dict[str, float]]) -> None:
    norms = {name: mean(entry[name] for entry in found) for name in found[0]}
    reference = max(norms.values()) or 1.0
    print(f'{checkpoint}: mean norm over {len(found)} batches, and its share of the largest')
    for name, norm in sorted(norms.items(), key=lambda item: -item[1]):
        print(f'  {name:40} {norm:10.4g} {norm / reference:10.4f}')


if __name__ == '__main__':
    run(main)
