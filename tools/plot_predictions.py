#!/usr/bin/env python
"""Draw predictions side by side (HRS, Fig. 5): --out fig.png NAME=CONFIG:CHECKPOINT … ."""

from __future__ import annotations

import argparse
import copy
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from tqdm import trange

from mmseg_joint import setup
from mmseg_joint.checkpoints.fit import load_model
from mmseg_joint.engine.config_file import config_value, read_config
from mmseg_joint.errors import JointError
from mmseg_joint.utils.cfg_options import add_config_flags
from mmseg_joint.utils.cli import existing_file, positive, run
from mmseg_joint.utils.walk import datasets_in, value_of
from mmseg_joint.visualization.figures import check_figure, choose_images, save_figure
from mmseg_joint.visualization.predictions import draw_predictions, labeled_image, predict

TEST = 'test_dataloader.dataset'


class Shown(NamedTuple):
    """A model as the command line names it."""

    name: str
    cfg: Config
    checkpoint: str


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Draw models' predictions side by side.")
    parser.add_argument(
        'models', nargs='+', metavar='NAME=CONFIG:CHECKPOINT', help='one column of the figure'
    )
    parser.add_argument('--out', required=True, metavar='FILE', help='figure (png, pdf or svg)')
    parser.add_argument('--count', type=positive, default=4, help='number of images')
    parser.add_argument('--seed', type=int, default=0, help='which images')
    parser.add_argument(
        '--score', action='store_true', help='predict all test images, for the mIoU of the dataset'
    )
    parser.add_argument('--device', default='cpu', help='where the models run')
    add_config_flags(parser)
    return parser.parse_args()


def main() -> None:
    """Predict some test images with each model and draw them."""
    args = parse_args()
    setup()
    check_figure(args.out)
    models = [read_model(text, args.cfg_options or {}) for text in args.models]
    if len({model.name for model in models}) < len(models):
        raise JointError('Two models have the same NAME: give each a name of its own.')
    init_default_scope('mmseg')
    first = DATASETS.build(config_value(models[0].cfg, TEST))
    chosen = choose_images(len(first), args.count, args.seed)
    images = [labeled_image(first[index]) for index in chosen]
    scores = {}
    for shown in models:  # only one model at a time is in memory
        model = load_model(shown.cfg, shown.checkpoint, args.device)
        check_classes(shown.name, model.num_classes, first.metainfo['classes'])
        dataset = same_images(models[0].cfg, shown.cfg, first)
        for index, image in zip(chosen, images):
            image.predictions[shown.name] = predict(model, dataset[index])
        if args.score:
            scores[shown.name] = (
                f'mIoU {score(model, dataset, shown.cfg):.1f} on {len(dataset):,} images'
            )
            print(f'{shown.name}: {scores[shown.name]}')
    save_figure(draw_predictions(images, first.metainfo, scores), args.out)
    print(f'{args.out}: {len(images)} images of {TEST}, {len(models)} models')


def score(model: Any, dataset: Any, cfg: Config) -> float:
    """Score a model on all images of a dataset with its config's metric: the first mean IoU."""
    evaluator = Evaluator(cfg.get('test_evaluator') or {'type': 'IoUMetric'})
    evaluator.dataset_meta = dataset.metainfo
    for index in trange(len(dataset), desc='score', disable=None):
        packed = {key: [value] for key, value in dataset[index].items()}
        evaluator.process(model.test_step(packed), packed)
    found = evaluator.evaluate(len(dataset))
    return next(value for name, value in found.items() if 'mIoU' in name)


def read_model(text: str, options: dict[str, Any]) -> Shown:
    """Split NAME=CONFIG:CHECKPOINT; either path may contain a colon."""
    name, _, files = text.partition('=')
    splits = (at for at, letter in enumerate(files) if letter == ':')
    at = next((at for at in splits if Path(files[:at]).is_file()), None)
    if not name or at is None:
        raise JointError(f'{text} is not NAME=CONFIG:CHECKPOINT, or there is no such config.')
    cfg = read_config(files[:at], options)
    return Shown(name, cfg, existing_file(files[at + 1 :], 'checkpoint'))


def check_classes(name: str, predicted: int, classes: tuple[str, ...]) -> None:
    """Refuse a model whose class set differs from that of the images."""
    if predicted != len(classes):
        raise JointError(
            f'{name} predicts {predicted} classes, but the test images of the first config have '
            f'{len(classes)}: show models of one class set.'
        )


def same_images(first: Config, own: Config, built: Any) -> Any:
    """Build the first config's images as a model's own test pipeline prepares them."""
    source = copy.deepcopy(config_value(first, TEST))
    parts, others = (
        [places[-1][1] for places in datasets_in(dataset, TEST)]
        for dataset in (source, value_of(own, TEST))
    )
    pipeline = others[0].get('pipeline') if others else None
    if pipeline is None or all(part.get('pipeline') in (None, pipeline) for part in parts):
        return built
    for part in parts:
        part['pipeline'] = pipeline
    return DATASETS.build(source)


if __name__ == '__main__':
    run(main)
