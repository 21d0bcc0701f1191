from __future__ import annotations

import json
import re
from collections.abc import Iterable
from math import inf
from pathlib import Path

import numpy as np

from mmseg_joint.errors import JointError

Series = tuple[np.ndarray, np.ndarray]
"""Iterations and values, both (points,), iterations rising."""

SUPERVISED = 'supervised loss'
WEIGHTING = 'loss of the weighting networks'
MEAN_WEIGHT = 'mean weight of source pixels'
ADVERSARIAL = 'adversarial losses'
SEGMENTOR = 'adversarial loss of the segmentor'
ACCURACY = 'accuracy of the discriminator'
OTHER = 'other losses'
VALIDATION = 'validation mIoU (%)'
PANELS = (
    *(SUPERVISED, MEAN_WEIGHT, WEIGHTING, ADVERSARIAL, SEGMENTOR, ACCURACY, OTHER),
    VALIDATION,
)

TIMES = ('time', 'data_time')  # a validation logs the times of its own steps
# of a domain, if there are any; mask classifiers have losses of several layers
_HEAD = re.compile(r'(?:([^.]+)\.)?(?:decode|aux)\w*\.(?:\w+\.)?\w*loss\w*$')
_MIOU = re.compile(r'(?:.*/)?(mIoU.*)$')
_OBJECTIVE = re.compile(r'(\w+)\.(loss_\w+|accuracy(?:_\w+)?|mean_weight)$')
# beginnings of the losses that train an adversarial objective's own networks
_NETWORKS = (
    'loss_discriminator',
    'loss_classifiers',
    'loss_generator',
    'loss_reconstruction',
    'loss_cycle',
    'loss_identity',
    'loss_perceptual',
)


def read_scalars(work_dir: str | Path) -> dict[str, Series]:
    """Read mmengine's logs in a work dir, one per start: name of a value -> its series.

    A later log counts from its first iteration on, whether the run was resumed or restarted.

    Raises:
        JointError: When there is no log, it is empty, or a line of it is broken.
    """
    files = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    files += Path(work_dir).glob('vis_data/scalars.json')
    logs = [_read_lines(file) for file in files]
    # a test has no iterations; a resumed run may only redo its last validation
    logs = [log for log in logs if any(line['step'] for line in log)] or logs
    points: dict[str, dict[int, float]] = {}
    for log in logs:
        start = min((line['step'] for line in log if 'iter' in line), default=inf)
        points = {
            name: {step: value for step, value in series.items() if step < start}
            for name, series in points.items()
        }
        for line in log:
            left_out = ('step', 'iter') if 'iter' in line else ('step', *TIMES)
            for name, value in line.items():
                if name not in left_out and isinstance(value, (int, float)):
                    points.setdefault(name, {})[line['step']] = value
    points = {name: series for name, series in points.items() if series}
    if not points:
        raise JointError(
            f'{work_dir} holds no training log (*/vis_data/scalars.json): give the work dir of a '
            'run that has logged something.'
        )
    return {name: _arrays(series) for name, series in points.items()}


def _read_lines(file: Path) -> list[dict]:
    lines = file.read_text(encoding='utf-8').splitlines()
    parsed = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            parsed.append({**entry, 'step': int(entry['step'])})
        except (ValueError, KeyError, TypeError) as error:
            if number < len(lines):  # a killed run may leave its last line incomplete
                raise JointError(
                    f'Line {number} of {file} is not a log line of mmengine: remove it.'
                ) from error
    return parsed


def _arrays(series: dict[int, float]) -> Series:
    steps = sorted(series)
    return np.array(steps), np.array([series[step] for step in steps], dtype=float)


def sort_into_panels(scalars: dict[str, Series]) -> dict[str, dict[str, Series]]:
    """Sort a run's values into the panels of a figure: panel -> label -> series.

    The supervised losses of all heads on one domain are summed; values without a panel, like
    times, are left out.
    """
    panels: dict[str, dict[str, Series]] = {panel: {} for panel in PANELS}
    weighting = {name.rpartition('.')[0] for name in scalars if name.endswith('.mean_weight')}
    adversarial = {
        name.partition('.')[0]
        for name in scalars
        if re.match(r'\w+\.(accuracy|loss_discriminator)', name)
    }
    for name, series in scalars.items():
        head, miou, other = _HEAD.match(name), _MIOU.match(name), _OBJECTIVE.match(name)
        if head:
            domain = head[1] or 'target'
            panel = panels[SUPERVISED]
            panel[domain] = _sum(panel[domain], series) if domain in panel else series
        elif miou:
            panels[VALIDATION][miou[1]] = series
        elif other:
            owner, value = other.groups()
            panel = panels[_panel_of(value, owner in weighting, owner in adversarial)]
            panel[f'{owner} {re.sub("^(loss|accuracy)_", "", value)}'] = series
    return {panel: found for panel, found in panels.items() if found}


def _panel_of(value: str, weighting: bool, adversarial: bool) -> str:
    if value == 'mean_weight':
        return MEAN_WEIGHT
    if value.startswith('accuracy'):
        return ACCURACY
    if weighting:
        return WEIGHTING
    if not adversarial:
        return OTHER
    # the segmentor's are scaled by the objective's weight
    return ADVERSARIAL if value.startswith(_NETWORKS) else SEGMENTOR


def _sum(first: Series, second: Series) -> Series:
    steps, left, right = np.intersect1d(first[0], second[0], return_indices=True)
    return steps, first[1][left] + second[1][right]


def over_seeds(seeds: Iterable[Series]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Combine several seeds of one run.

    Returns:
        The iterations that all seeds have, and the mean, smallest and largest value at each.

    Raises:
        JointError: When they share no iteration.
    """
    seeds = list(seeds)
    common = seeds[0][0]
    for steps, _ in seeds[1:]:
        common = np.intersect1d(common, steps)
    if not len(common):
        raise JointError(
            'Runs under one NAME were logged at different iterations: give each a NAME of its own.'
        )
    values = np.stack([values[np.isin(steps, common)] for steps, values in seeds])
    return common, values.mean(axis=0), values.min(axis=0), values.max(axis=0)
