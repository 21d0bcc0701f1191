"""A model small enough to train in a test, and batches for it."""

from __future__ import annotations

import copy

import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

import mmseg_joint  # noqa: F401

init_default_scope('mmseg')
CLASSES = 5
ADAM = dict(optimizer=dict(type='Adam', lr=1e-3))

MODEL = ConfigDict(
    type='JointEncoderDecoder',
    data_preprocessor=dict(
        type='JointDataPreprocessor',
        mean=[120.0, 110.0, 100.0],
        std=[58.0, 57.0, 56.0],
        bgr_to_rgb=True,
        size_divisor=1,
    ),
    backbone=dict(
        type='VGGEncoder', channels=(4, 4, 6, 8, 8), fc_channels=8, fc_kernel=3, dropout_ratio=0.0
    ),
    decode_head=dict(
        type='FCN8sHead',
        in_channels=[3, 6, 8, 8],
        in_index=[0, 1, 2, 4],
        channels=8,
        num_classes=CLASSES,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
WEIGHTING = dict(type='HierarchicalWeighting', network=dict(channels=(4, 4, 4, 4)))
GAN = dict(
    type='ReconstructionGAN',
    generator=dict(in_channels=8, feature_stride=32, channels=(4, 4, 4, 4, 4, 4)),
    discriminator=dict(in_channels=3, channels=(4, 4, 4, 4, 4, 4)),
)
HRS = dict(weighting=WEIGHTING, gan=GAN)
HRS_OPTIMIZERS = dict(
    constructor='JointOptimWrapperConstructor',
    segmentor=ADAM,
    weighting=ADAM,
    gan=dict(generator=ADAM, discriminator=ADAM),
)


def build(objectives: dict | None = None, seed: int = 0, **changes) -> torch.nn.Module:
    torch.manual_seed(seed)
    config = copy.deepcopy(MODEL)
    for key, value in {**changes, 'objectives': objectives or {}}.items():
        config[key] = copy.deepcopy(value)  # ConfigDict.update would merge
    model = MODELS.build(config)
    model.init_weights()
    return model


@torch.no_grad()
def spread_scores(model: torch.nn.Module, images: torch.Tensor) -> None:
    """Shift and stretch the head's scores so that it predicts every class in these images."""
    scores, layer = model.segment(images, evaluate=True)[1], model.decode_head.conv_seg
    mean = scores.mean(dim=(0, 2, 3))
    factor = 3 / (scores - mean.view(-1, 1, 1)).std()
    layer.bias.sub_(mean).mul_(factor)
    layer.weight.mul_(factor)


def reached(loss: torch.Tensor, model: torch.nn.Module) -> set[str]:
    """Return the names of the parameters that a loss sends a gradient to."""
    parameters = dict(model.named_parameters())
    gradients = torch.autograd.grad(
        loss, list(parameters.values()), retain_graph=True, allow_unused=True
    )
    pairs = zip(parameters, gradients)
    return {name for name, gradient in pairs if gradient is not None and gradient.abs().sum() > 0}


def batch(seed: int = 0, domains=('source', 'target'), size=(64, 96), count: int = 1) -> dict:
    """Make a batch as the data loader returns it: uint8 images, labels with ignored pixels."""
    generator = torch.Generator().manual_seed(seed)
    inputs, samples = [], []
    for domain in domains:
        for _ in range(count):
            inputs.append(torch.randint(0, 256, (3, *size), generator=generator, dtype=torch.uint8))
            label = torch.randint(0, CLASSES, (1, *size), generator=generator)
            label[:, : size[0] // 5] = 255
            sample = SegDataSample(gt_sem_seg=PixelData(data=label), metainfo=dict(domain=domain))
            samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


def padded_batch(domains=('source', 'target')) -> dict:
    """Make a batch with two images of `unlabeled`, of 64×96 and 32×48 pixels."""
    data = batch(0, domains)
    for seed, size in ((1, (64, 96)), (2, (32, 48))):
        for key, values in batch(seed, ('unlabeled',), size=size).items():
            data[key] += values
        del data['data_samples'][-1].gt_sem_seg
    return data


def padding_of_batch() -> torch.Tensor:
    """Which pixels pad the second image of :func:`padded_batch`, (2, 64, 96)."""
    padding = torch.ones(2, 64, 96, dtype=torch.bool)
    padding[0] = padding[1, :32, :48] = False
    return padding
