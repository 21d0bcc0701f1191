from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn
from tqdm import tqdm

from mmseg_joint.checkpoints.write import average_buffers
from mmseg_joint.errors import JointError
from mmseg_joint.models.segmentors.joint_encoder_decoder import evaluated_segmentor
from mmseg_joint.models.segmentors.norm_statistics import averaging_norms
from mmseg_joint.utils.unwrapped import unwrapped

REAL = ('target', 'unlabeled')


def recompute_norm_of(model: nn.Module, cfg: Config, count: int) -> None:
    """Recompute the running averages of batch norms from training images of the target.

    For checkpoints whose averages come from other images than those the model is for, e.g. from
    training on synthetic images. Weights do not change; the model is left in evaluation mode. All
    processes of a group must call this.

    Args:
        model: Any mmseg segmentor, wrapped or not, with its weights loaded.
        cfg: The whole config; its `train_dataloader` provides the images.
        count: Minimum number of images.

    Raises:
        JointError: When there is no training data, or training updates no batch norm's averages.
    """
    loader = Runner.build_dataloader(target_loader(cfg), seed=cfg.get('randomness', {}).get('seed'))
    model = unwrapped(model)
    recompute_norm(model, loader, count)
    average_buffers(model)


def target_loader(cfg: Config) -> dict[str, Any]:
    """Derive the config of a data loader for the target's training images.

    Of a joint dataset's domains it keeps `target` and `unlabeled`, or all if there is neither;
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
        loader['dataset'].pop('rare_classes', None)  # averages are over images as they come
        loader['batch_size'] = sum(samples.values())
    return loader


@torch.no_grad()
def recompute_norm(model: nn.Module, loader: Iterable[dict[str, Any]], count: int) -> None:
    """Average each batch norm's mean and variance over batches of, in all, `count` images or more.

    Raises:
        JointError: When no batch norm has averages that training updates.
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
    """Run a batch, one domain after another, and return how many images it had."""
    inputs = model.data_preprocessor(batch, training=True)['inputs']
    parts = list(inputs.values()) if isinstance(inputs, dict) else [inputs]
    for images in parts:
        size = tuple(images.shape[-2:])
        metas = [dict(img_shape=size, ori_shape=size, pad_shape=size)] * len(images)
        model.encode_decode(images, metas)
    return sum(map(len, parts))
