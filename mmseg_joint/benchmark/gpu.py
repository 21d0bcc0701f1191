"""The measurements of `tools/gpu_report.py`, each part in its own process."""

from __future__ import annotations

import argparse
import copy
import gc
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch
from mmengine.config import Config

from mmseg_joint.engine.config_file import read_config
from mmseg_joint.utils.atomic_write import atomic_write

from .batches import labeled, random_batch, shares_of
from .breakdown import flops_by_part
from .comparisons import measure_sequential
from .configs import plain_beside
from .host_waits import count_waits
from .loading_rates import loading_rates, real_batches
from .settings import Settings
from .variants import Variant, started

ROOT = Path(__file__).resolve().parents[2]
PLAIN = 'plain'
# name -> precision, channels-last
VARIANTS = {
    'float32 (tf32)': ('float32', False),
    'bf16': ('bfloat16', False),
    'bf16, channels-last': ('bfloat16', True),
}
COMPILED = {'bf16, channels-last, compiled': ('bfloat16', True)}
PREFETCHED = 2  # batches per worker, PyTorch's default
Numbers = Iterator[dict[str, Any]]
"""What a part has measured so far, after each measurement."""


def steps_part(
    name: str, cfg: Config, settings: Settings, seconds: float, compiled: bool
) -> Numbers:
    """Measure a config's step in every form, or compiled, each with the plain step.

    Yields `rows` and the `flops` of both steps.
    """
    found: dict[str, Any] = {'config': name, 'size': list(settings.size), 'rows': []}
    cfg = copy.deepcopy(cfg)
    cfg.compile = compiled
    for label, (dtype, cfg.model.channels_last) in (COMPILED if compiled else VARIANTS).items():
        row: dict[str, Any] = {'variant': label}
        try:
            row.update(_variant(cfg, replace(settings, dtype=dtype), compiled, seconds, found))
        except Exception as error:  # the other rows are still useful
            row['error'] = f'{type(error).__name__}: {str(error).strip().splitlines()[0][:300]}'
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        found['rows'].append(row)
        yield found
        rates = {key: round(row[key]['steps_per_s'], 2) for key in ('joint', PLAIN) if key in row}
        print(f'{name}, {label}: {row.get("error") or rates} steps/s', flush=True)


def _variant(
    cfg: Config, settings: Settings, compiled: bool, seconds: float, found: dict[str, Any]
) -> dict[str, Any]:
    shares, classes = shares_of(cfg), cfg.model.decode_head.num_classes
    plain = None if compiled else plain_beside(cfg)  # compiling takes long
    row: dict[str, Any] = {}
    for key, one, own in (('joint', cfg, shares), (PLAIN, plain, labeled(shares))):
        if one is None:
            continue
        batch = random_batch(own, classes, settings)
        with started({key: Variant(one, batch)}, settings) as (loops, _):
            loop = loops[key]
            step = partial(loop.step, batch)
            timed = free_running(step, settings, seconds)
            row[key] = {**timed, 'images_per_s': timed['steps_per_s'] * len(batch['inputs'])}
            if key == 'joint':
                row[key]['host_waits'] = count_waits(step)
            if f'{key}_flops' not in found and not compiled:
                found[f'{key}_flops'] = sum(flops_by_part(loop, batch).values())
        del step, loop, loops
        gc.collect()  # Runner and loop refer to each other
        if settings.device_type == 'cuda':
            torch.cuda.empty_cache()
    if PLAIN in row:
        factor = found['joint_flops'] / found['plain_flops']
        row['of_prediction'] = row[PLAIN]['steps_per_s'] / row['joint']['steps_per_s'] / factor
    return row


def free_running(step: Callable[[], Any], settings: Settings, seconds: float) -> dict[str, Any]:
    """Time steps as in training: the host waits for the device only at the end.

    `spread` is relative, between thirds of the steps; `peak_memory` is in bytes, of a GPU.
    """
    for _ in range(settings.warmup):
        step()
    settings.synchronize()
    cuda = settings.device_type == 'cuda'
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    begin = time.perf_counter()
    step()
    settings.synchronize()
    one = time.perf_counter() - begin
    third = max(settings.steps // 3, round(seconds / 3 / one), 1)
    rates = []
    for _ in range(3):
        begin = time.perf_counter()
        for _ in range(third):
            step()
        settings.synchronize()
        rates.append(third / (time.perf_counter() - begin))
    return {
        'steps_per_s': median(rates),
        'spread': (max(rates) - min(rates)) / median(rates),
        'steps': 3 * third,
        'peak_memory': torch.cuda.max_memory_allocated() if cuda else None,
    }


def sequential_part(settings: Settings, tiny: bool) -> Numbers:
    """Compare GA and AdaptSegNet with AdaptSegNet's hand-written loop, by config."""
    loop = _config('adaptsegnet_deeplabv2_gta_city', tiny)
    found = {}
    for name in ('ga_deeplabv2_gta_city', 'adaptsegnet_deeplabv2_gta_city'):
        cfg = _config(name, tiny)
        for one in (cfg, loop):
            one.train_dataloader.sampler.samples_per_domain.target = 0
        comparison = measure_sequential(cfg, name, settings, loop)
        if name != 'ga_deeplabv2_gta_city':
            comparison.targets = {}  # the targets apply to GA
        found[name] = comparison.as_dict()
        yield found
        print(name, {k: round(v['median'], 3) for k, v in found[name]['ratios'].items()})


def waiting_part(
    cfg: Config, settings: Settings, workers: int, folder: Path, seconds: float
) -> Numbers:
    """Measure steps per second with a loader and, before and after, with a batch in memory.

    `waiting` is the share lost, negative where noise outweighs it. `next_seconds` is how long a
    step waits for the loader itself, on average; the rest of `waiting` comes from busy host cores.
    """
    settings = replace(settings, dtype='bfloat16')
    batch = random_batch(shares_of(cfg), cfg.model.decode_head.num_classes, settings)
    with started({'joint': Variant(cfg, batch)}, settings) as (loops, _):
        loop = loops['joint']
        in_memory = partial(free_running, partial(loop.step, batch), settings, 3 * seconds)
        alone = [in_memory()['steps_per_s']]
        found: dict[str, Any] = {'workers': workers}
        for form, batches in real_batches(cfg, settings.size, workers, folder):
            # measured once all queues are full: until then, all workers compete for the cores
            longer = replace(settings, warmup=max(settings.warmup, 2 * PREFETCHED * workers))
            waits: list[float] = []
            step = partial(_next_step, loop, batches, waits)
            loaded = free_running(step, longer, 3 * seconds)
            alone.append(in_memory()['steps_per_s'])  # the host's speed drifts
            found['in_memory_steps_per_s'] = fmean(alone)
            found[form] = {
                'steps_per_s': loaded['steps_per_s'],
                'waiting': 1 - loaded['steps_per_s'] / fmean(alone[-2:]),
                'next_seconds': fmean(waits[longer.warmup :]),  # workers deliver in bursts
            }
            yield found
            print(form, found[form], flush=True)


def _next_step(loop: Any, batches: Iterator[Any], waits: list[float]) -> None:
    begin = time.perf_counter()
    batch = next(batches)
    waits.append(time.perf_counter() - begin)
    loop.step(batch)


def _config(name: str, tiny: bool = False) -> Config:
    path = ROOT / f'configs/{name}.py'
    if tiny:
        # from the checkout that the report is measured in
        return import_module('tests.tiny_configs').tiny(path, {}, Path('unused'))
    return read_config(str(path))


def main(argv: list[str] | None = None) -> None:
    """Measure one part and write its numbers."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument('part', choices=['steps', 'sequential', 'waiting', 'loading'])
    parser.add_argument('--config', default='hrs_fcn8s_gta_city')
    parser.add_argument('--size', nargs=2, type=int, default=(1024, 512))
    parser.add_argument('--steps', type=int, default=6)
    parser.add_argument('--warmup', type=int, default=4)
    parser.add_argument('--seconds', type=float, default=0.75)
    parser.add_argument('--workers', type=int, default=16)
    parser.add_argument('--folder', type=Path, default=Path('work_dirs/gpu_report/data'))
    parser.add_argument('--compiled', action='store_true')
    parser.add_argument('--tiny', action='store_true', help='narrow networks')
    parser.add_argument('--json', required=True)
    args = parser.parse_args(argv)
    settings = Settings(size=tuple(args.size), steps=args.steps, warmup=args.warmup, memory=False)
    warnings.simplefilter('ignore')
    cfg = _config(args.config, args.tiny)
    files = args.workers, args.folder, args.seconds
    measured = {
        'steps': partial(steps_part, args.config, cfg, settings, args.seconds, args.compiled),
        'sequential': partial(sequential_part, settings, args.tiny),
        'waiting': partial(waiting_part, cfg, settings, *files),
        'loading': partial(loading_rates, cfg, settings.size, *files),
    }
    for found in measured[args.part]():
        atomic_write(args.json, json.dumps(found, indent=1))


if __name__ == '__main__':
    main(sys.argv[1:])
