#!/usr/bin/env python
"""Measure a training step and where its time goes: tools/benchmark.py CONFIG."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mmseg_joint import setup
from mmseg_joint.benchmark.comparisons import measure_sequential, measure_sequential_domains
from mmseg_joint.benchmark.data_path import measure_data_path
from mmseg_joint.benchmark.settings import Settings
from mmseg_joint.benchmark.step import measure
from mmseg_joint.engine.config_file import read_config
from mmseg_joint.utils.atomic_write import atomic_write, check_writable
from mmseg_joint.utils.cfg_options import add_config_flags
from mmseg_joint.utils.cli import run
from mmseg_joint.utils.renamed import renamed_flags


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Measure a training step of a config.')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--plain',
        metavar='CONFIG',
        help='config to compare with; by default the same one without objectives',
    )
    parser.add_argument(
        '--size', nargs=2, type=int, default=(512, 256), metavar=('W', 'H'), help='image size'
    )
    parser.add_argument(
        '--samples-per-domain',
        type=int,
        metavar='N',
        help="images of each domain; by default the config's",
    )
    parser.add_argument('--steps', type=int, default=20, help='timed steps of each variant')
    parser.add_argument('--warmup', type=int, default=3, help='untimed steps before them')
    parser.add_argument('--dtype', choices=['float32', 'bfloat16', 'float16'])
    parser.add_argument('--device', choices=['auto', 'cpu', 'cuda'], default='auto')
    parser.add_argument('--data', action='store_true', help="also measure the config's data loader")
    parser.add_argument(
        '--data-path',
        action='store_true',
        help='instead, time the pipelines on made-up images, with and without preparation',
    )
    parser.add_argument('--no-memory', action='store_true', help='do not measure peak memory')
    parser.add_argument(
        '--sequential',
        nargs='?',
        const='',
        metavar='CONFIG',
        help='compare with a hand-written sequential loop that does what the config does, or what '
        'CONFIG does (configs with one OutputAdversarial)',
    )
    parser.add_argument(
        '--sequential-domains',
        action='store_true',
        help='instead, compare all domains at once with model.sequential_domains and one domain',
    )
    parser.add_argument('--json', metavar='FILE', help='write all numbers here')
    add_config_flags(parser)
    argv = sys.argv[1:] if argv is None else argv
    former = {'--share': '--samples-per-domain', '--in-turn': '--sequential-domains'}
    return parser.parse_args(renamed_flags(argv, former))


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    setup()
    if args.json:
        check_writable(args.json, '--json')
    settings = Settings(
        size=tuple(args.size),
        share=args.samples_per_domain,
        steps=args.steps,
        warmup=args.warmup,
        dtype=args.dtype,
        device=args.device,
        memory=not args.no_memory,
        data=args.data,
    )
    plain = read_config(args.plain, args.cfg_options) if args.plain else None
    cfg = read_config(args.config, args.cfg_options)
    name = Path(args.config).stem
    report: Any
    if args.data_path:
        report = measure_data_path(cfg, settings.steps)
    elif args.sequential_domains:
        report = measure_sequential_domains(cfg, name, settings)
    elif args.sequential is not None:
        loop = read_config(args.sequential, args.cfg_options) if args.sequential else None
        report = measure_sequential(cfg, name, settings, loop)
    else:
        report = measure(cfg, name, settings, plain)
    print(report)
    if args.json:
        atomic_write(args.json, json.dumps(report.as_dict(), indent=1))


if __name__ == '__main__':
    run(main)
