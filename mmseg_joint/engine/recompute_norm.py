from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn
from tqdm import tqdm

from mmseg_joint.checkpoints.average_buffers import average_buffers
from mmseg_joint.errors import JointError
from mmseg_joint.models.segmentors.joint_encoder_decoder import evaluated_segmentor
from mmseg_joint.models.segmentors.norm_statistics import averaging_norms
from mmseg_joint.utils.unwrapped import unwrapped

REAL = ('target', 'unlabeled')


def recompute_norm_of(model: nn.Module, cfg: Config, count: int) -> None:
    """Take the running averages of batch norms anew, from training images of the target.

    For checkpoints whose averages are of other images than those the model is for, as from training
    on synthetic images. Weights stay as they are; the model is left in evaluation mode. All
    processes of a group must call this.

    Args:
        model: Any mmseg segmentor, wrapped or not, its weights loaded.
        cfg: The whole config; its `train_dataloader` gives the images.
        count: At least how many images.

    Raises:
        JointError: When there is no training data, or no batch norm whose averages training moves.
    """
    loader = Runner.build_dataloader(target_loader(cfg), seed=cfg.get('randomness', {}).get('seed'))
    model = unwrapped(model)
    recompute_norm(model, loader, count)
    average_buffers(model)


def target_loader(cfg: Config) -> dict[str, Any]:
    """Find the config of a data loader of the target's training images.

    Of a joint one's domains it keeps `target` and `unlabeled`, or all where there is neither;
    images with rare classes are not drawn more often.

    Raises:
        JointError: When there is no training data.
    """
    loader = copy.deepcopy(cfg.get('train_dataloader'))
    if not loader:
        raise JointError(
            'The config has no train_dataloader, whose images --recompute-norm needs: add it.'
        )
    domains = loader['dataset'].get('domains')
    if domains:
        samples = {name: n for name, n in loader['sampler']['samples_per_domain'].items() if n}
        samples = {name: samples[name] for name in REAL if name in samples} or samples
        loader['sampler']['samples_per_domain'] = samples
        loader['dataset']['domains'] = {name: domains[name] for name in samples}
        loader['dataset'].pop('rare_classes', None)  # averages are of images as they come
        loader['batch_size'] = sum(samples.values())
    return loader


@torch.no_grad()
def recompute_norm(model: nn.Module, loader: Iterable[dict[str, Any]], count: int) -> None:
    """Give each batch norm the mean over batches, of `count` images or more, of mean and variance.

    Raises:
        JointError: When no batch norm has averages that training moves.
    """
    tested = evaluated_segmentor(model)  # its own norms, not those of objectives
    was_training = model.training
    model.train()
    norms: list[Any] = [norm for norm in averaging_norms(tested) if norm.training]
    if not norms:
        raise JointError(
            'The model has no batch norm whose averages training moves, so there is nothing to '
            'recompute: leave out --recompute-norm.'
        )
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
    try:
        with tqdm(total=count, desc='batch norm statistics', unit='image') as bar:
            for batch in loader:
                bar.update(_forward(model, batch))
                if bar.n >= count:
                    break
    finally:
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum
        model.train(was_training)


def _forward(model: Any, batch: dict[str, Any]) -> int:
    """Run a batch, one domain after the other, and tell how many images it had."""
    inputs = model.data_preprocessor(batch, training=True)['inputs']
    parts = list(inputs.values()) if isinstance(inputs, dict) else [inputs]
    for images in parts:
        size = tuple(images.shape[-2:])
        metas = [dict(img_shape=size, ori_shape=size, pad_shape=size)] * len(images)
        model.encode_decode(images, metas)
    return sum(map(len, parts))
