"""Writes work dirs as mmengine leaves them, without training."""

from __future__ import annotations

import json
from pathlib import Path

CONFIG = """
train_cfg = dict(max_iters={total})
randomness = dict(seed={seed})
train_dataloader = dict(
    sampler=dict(samples_per_domain=dict(target={share})),
    dataset=dict(domains=dict(target={target})),
)
"""
SUBSET = "dict(type='LabelSubset', count={}, dataset=dict())"


def write_start(
    folder: Path,
    lines,
    total=100,
    labels=12,
    seed=0,
    start='20200101_000000',
    tail='',
    cfg=None,
    share=1,
) -> Path:
    """Write one start of a run: mmengine's copy of the config, and a log of these lines."""
    kept = folder / start / 'vis_data'
    kept.mkdir(parents=True)
    target = SUBSET.format(labels) if labels else "dict(type='CamVidDataset')"
    share = 0 if labels == 0 else share
    config = CONFIG.format(total=total, seed=seed, share=share, target=target)
    (kept / 'config.py').write_text(cfg.pretty_text if cfg else config)
    text = ''.join(json.dumps(line) + '\n' for line in lines)
    (kept / 'scalars.json').write_text(text + tail)
    return folder


def trained(*steps: int, time: float = 0.5, **more: float) -> list[dict]:
    return [{'loss': 1.0, 'time': time, **more, 'iter': step, 'step': step} for step in steps]


def validated(step: int, miou: float) -> dict:
    return {'mIoU': miou, 'aAcc': 99.0, 'time': 77.0, 'step': step}


def write_run(folder: Path, miou: float, total: int = 100, **values) -> Path:
    """Write a run that finished."""
    lines = [*trained(total // 2, total), validated(total, miou)]
    return write_start(folder, lines, total, **values)
