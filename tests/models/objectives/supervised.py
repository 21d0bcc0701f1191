"""A domain's supervised loss under an objective's pixel weights, as the model computes it."""

from __future__ import annotations

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_joint.models.objectives import DomainOutput
from mmseg_joint.models.segmentors.pixel_weights import weighted
from tests.tiny import CLASSES, build


def scores(seed: int = 0, scale: float = 3.0, size=(2, 7, 9), dtype=torch.float64):
    """Logits (N, C, H, W) of some spread, and labels with ignored pixels and an absent class."""
    generator = torch.Generator().manual_seed(seed)
    count, *plane = size
    logits = scale * torch.randn(count, CLASSES, *plane, generator=generator, dtype=dtype)
    labels = torch.randint(0, CLASSES - 1, size, generator=generator)
    labels[0, :2] = 255
    return logits.requires_grad_(), labels


def run(objective, logits, labels, domain='source'):
    """The head's loss with the objective's weights, and the objective's result."""
    images = torch.zeros(len(logits), 3, 1, 1)
    output = DomainOutput(images, labels, lambda x: x, features=(), logits=logits)
    result = objective({domain: output})
    samples = [SegDataSample(gt_sem_seg=PixelData(data=label[None])) for label in labels]
    model = build()
    with weighted(model._heads(), result.pixel_weights[domain]):
        losses = model._decode_losses(output, samples)
    return losses['decode.loss_ce'], result
