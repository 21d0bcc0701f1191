"""Fit objectives, configured as in their papers, to the model at hand."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_joint.models.networks import (
    PatchDiscriminator,
    ReconstructionGenerator,
    WeightingNetwork,
)

SMALL = 20_000_000  # parameters below which HRS's networks are a quarter as wide as the paper's
LEAST = 8  # channels
LARGEST = 256  # pixels per side of the image that probes the model's outputs
# for a teacher that no real label keeps in check (docs/cityscapes256.md)
WITHOUT_LABELS = {'debias': 1.0, 'prior': 'source', 'prior_power': 0.5}
BURN_IN = 0.25  # share of the training before the teacher is used
SHORT = 5000  # a training with fewer iterations averages its teacher faster


@dataclass(frozen=True)
class Outputs:
    """Output of a model's backbone, or of its neck if it has one."""

    channels: int  #: of its last output
    stride: int  #: of its last output
    parameters: int  #: of the whole segmentor


def look_at(model: Config, size: tuple[int, int]) -> Outputs:
    """Run a segmentor's backbone once, with random weights, on an image of (height, width)."""
    config = copy.deepcopy(model)
    config.pop('objectives', None)
    built = MODELS.build(config).eval()
    height, width = (min(side, LARGEST) for side in size)
    with torch.no_grad():
        last = built.extract_feat(torch.zeros(1, 3, height, width))[-1]
    stride = 2 ** max(0, round(height / last.shape[-2]) - 1).bit_length()
    return Outputs(last.shape[1], stride, sum(p.numel() for p in built.parameters()))


def adapt(
    objectives: dict[str, dict[str, Any]],
    outputs: Outputs,
    iterations: int,
    domains: Sequence[str],
) -> list[str]:
    """Fit objectives, in place, to a model and to the length and domains of its training.

    Returns one sentence for each choice made.
    """
    chosen = []
    for name, config in objectives.items():
        if 'from_domains' in config:
            config['from_domains'] = [d for d in config['from_domains'] if d in domains]
        if config.get('debias') and 'target' not in domains:
            config.update(WITHOUT_LABELS)
            chosen.append(
                f'{name}: draws its pseudo-labels towards the class shares of the source, since no '
                'label of the target keeps them in check.'
            )
        fit = FITS.get(config['type'])
        if fit:
            chosen.append(f'{name}: {fit(config, outputs, iterations)}.')
    return chosen


def _semantic_adversarial(config: dict[str, Any], outputs: Outputs, _: int) -> str:
    config['feature_index'] = -1
    config['discriminator']['in_channels'] = outputs.channels
    return f"features are the model's last output, of {outputs.channels} channels"


def _reconstruction_gan(config: dict[str, Any], outputs: Outputs, _: int) -> str:
    config['feature_index'] = -1
    config['generator'].update(in_channels=outputs.channels, feature_stride=outputs.stride)
    text = (
        f"images are reconstructed from the model's last output, of {outputs.channels} channels "
        f'and stride {outputs.stride}'
    )
    if outputs.parameters >= SMALL:
        return text
    config['generator'].update(
        channels=_quarter(ReconstructionGenerator), block_channels=max(LEAST, outputs.channels // 4)
    )
    config['discriminator'].update(channels=_quarter(PatchDiscriminator))
    return f'{text}, by {_narrow(outputs)}'


def _hierarchical_weighting(config: dict[str, Any], outputs: Outputs, _: int) -> str:
    if outputs.parameters >= SMALL:
        return 'networks as wide as in the paper'
    config['network'] = {**(config.get('network') or {}), 'channels': _quarter(WeightingNetwork)}
    return _narrow(outputs)


def _teacher(config: dict[str, Any], _: Outputs, iterations: int) -> str:
    config['start'] = int(BURN_IN * iterations)
    config['alpha'] = 0.99 if iterations < SHORT else 0.999
    return f'begins after {config["start"]} iterations, alpha={config["alpha"]}'


def _narrow(outputs: Outputs) -> str:
    millions = f'{outputs.parameters / 1e6:.1f} million parameters'
    return f"networks a quarter as wide as the paper's, since the model has only {millions}"


def _quarter(network: Any) -> tuple[int, ...]:
    channels = signature(network.__init__).parameters['channels'].default
    return tuple(max(LEAST, width // 4) for width in channels)


FITS = {
    'SemanticAdversarial': _semantic_adversarial,
    'ReconstructionGAN': _reconstruction_gan,
    'HierarchicalWeighting': _hierarchical_weighting,
    'Teacher': _teacher,
}
