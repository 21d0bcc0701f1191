from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass
class Domain:
    """One domain of a batch: pixels 0-255, labels, and values computed from them."""

    pixels: Tensor
    labels: Tensor
    unit_images: Tensor = field(init=False)
    features: list[Tensor] = field(init=False)
    logits: Tensor = field(init=False)


def hierarchical_weighting(objective: Any, domains: dict[str, Domain]) -> tuple[Tensor, Tensor]:
    """Compute HRS, Eq. 1 and 3-4, from a second implementation.

    Args:
        objective: Owner of the networks and of the loss's weight.
        domains: `source` and `target`.

    Returns:
        The networks' loss, and the weights of the source's pixels (N, H, W).
    """
    source, target = domains['source'], domains['target']
    probabilities = [domain.logits.detach().float().softmax(1) for domain in (source, target)]
    classes = source.labels.where(source.labels != objective.ignore_index, 0)[:, None]
    loss: Any = 0.0
    votes: Any = 0.0
    for network in objective.networks.values():
        scores, others = (network(probability) for probability in probabilities)
        loss = loss + scores.float().abs().mean() + (others.float() - 1).abs().mean()
        votes = votes + _chosen(scores.detach(), classes)
    return objective.loss.loss_weight * loss, votes / len(objective.networks)


def _chosen(scores: Tensor, classes: Tensor) -> Tensor:
    if scores.ndim == 2:
        chosen = (scores > 0.5).float()[..., None, None].expand(-1, -1, *classes.shape[2:])
    else:
        mean = scores.mean((2, 3), keepdim=True, dtype=torch.float64)
        chosen = (scores > mean).float()
        if chosen.shape[2:] != classes.shape[2:]:
            chosen = F.interpolate(chosen, classes.shape[2:], mode='nearest')
    return chosen[:, 0] if chosen.shape[1] == 1 else chosen.gather(1, classes)[:, 0]


def reconstruction_gan(objective: Any, domains: dict[str, Domain]) -> tuple[Tensor, None]:
    """Compute HRS, Section 3.2, from a second implementation.

    Args:
        objective: Owner of the networks and of the weights.
        domains: `source` and `target`.

    Returns:
        The losses of G, E and D, and no weights for the pixels.
    """
    source, target = domains['source'], domains['target']
    generator, discriminator = objective.generator, objective.discriminator
    features = source.features[objective.feature_index]
    size = source.unit_images.shape[2:]
    real = [domain.pixels / 127.5 - 1 for domain in (source, target)]
    rebuilt = generator(features.detach(), size).float()
    other = generator(target.features[objective.feature_index].detach(), size).float()
    loss = objective.reconstruction_weight * (
        F.l1_loss(rebuilt, real[0]) + F.l1_loss(other, real[1])
    )
    with _frozen(discriminator):
        loss = loss + objective.generator_weight * _against(discriminator(rebuilt), 1.0)
        with _frozen(generator):
            for_encoder = discriminator(generator(features, size))
        loss = loss + objective.encoder_weight * _against(for_encoder, 1.0)
    d_logits = discriminator(real[1]), discriminator(rebuilt.detach())
    for logits, label_range in zip(
        d_logits, (objective.real_label, objective.fake_label), strict=True
    ):
        noise = torch.empty(len(logits), 1, 1, 1, device=logits.device).uniform_(*label_range)
        loss = loss + _against(logits, noise)
    return loss, None


def _against(logits: Tensor, label: Tensor | float) -> Tensor:
    logits = logits.float()
    label = torch.as_tensor(label, dtype=logits.dtype, device=logits.device).expand_as(logits)
    return F.binary_cross_entropy_with_logits(logits, label)


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


WRITTEN = {
    'HierarchicalWeighting': hierarchical_weighting,
    'ReconstructionGAN': reconstruction_gan,
}
