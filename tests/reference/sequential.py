from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.optim import Optimizer

from mmseg_joint.benchmark.batches import Batch
from mmseg_joint.engine.joint_optim_wrapper_constructor import JointOptimWrapperConstructor
from mmseg_joint.errors import JointError
from mmseg_joint.runtime import configure_malloc


class SequentialLoop:
    """Adversarial alignment of score maps as published scripts write it, in plain PyTorch.

    A forward and a backward for each domain in turn, with the discriminator's parameters frozen;
    then the discriminator's backward for each domain; then every optimizer. It is the reference
    for one forward and one backward: for values in the tests and for time in the benchmark.

    Args:
        model: A `JointEncoderDecoder` whose only objective is an `OutputAdversarial` of one level.
        optimizers: The optimizers of segmentor and discriminator.

    Raises:
        JointError: The model has other objectives, or another head.
    """

    def __init__(self, model: nn.Module, optimizers: list[Optimizer]) -> None:
        self.model = model.train()
        self.optimizers = optimizers
        objectives = list(model.objectives.values())
        kinds = [type(objective).__name__ for objective in objectives]
        head = type(model.decode_head).__name__
        if kinds == ['OutputAdversarial'] and head != 'DeepLabV2Head':
            raise JointError(f'The sequential loop was written for DeepLabV2Head, not for {head}.')
        if kinds != ['OutputAdversarial'] or len(objectives[0].discriminators) > 1:
            raise JointError(
                'The sequential loop was written for one OutputAdversarial of one level, not for '
                f'{", ".join(kinds) or "no objective"}: choose a config like '
                'configs/ga_deeplabv2_gta_city.py.'
            )
        self.objective = objectives[0]
        self.discriminator = self.objective.discriminators['main']

    def step(self, batch: Batch) -> dict[str, float]:
        """Train on one batch.

        Args:
            batch: `inputs` and `data_samples`, as a data loader returns them.

        Returns:
            The losses.
        """
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        data = self.model.data_preprocessor(batch, training=True)
        losses, maps = {}, {}
        self.discriminator.requires_grad_(False)
        for domain, images in data['inputs'].items():
            logits = self._forward(images)
            maps[domain] = logits.detach().softmax(1)
            parts = self._segmentor_losses(domain, logits, data['data_samples'][domain])
            losses.update({name: loss.item() for name, loss in parts.items()})
            if parts:
                total: Any = sum(parts.values())
                total.backward()
        self.discriminator.requires_grad_(True)
        d_loss = 0.0
        for domain, label in (('source', 0.0), (self.objective.target, 1.0)):
            loss = self._gan_loss(maps[domain], label) / 2
            (self.objective.discriminator_weight * loss).backward()
            d_loss += loss.item()
        for optimizer in self.optimizers:
            optimizer.step()
        return {**losses, 'discriminator': d_loss}

    def _forward(self, images: Tensor) -> Tensor:
        head = self.model.decode_head
        feature = self.model.backbone(images)[head.in_index]
        logits = sum(conv(feature) for conv in head.convs)
        size, align = images.shape[2:], head.align_corners
        return F.interpolate(logits, size, mode='bilinear', align_corners=align)

    def _segmentor_losses(self, domain: str, logits: Tensor, samples: list) -> dict[str, Tensor]:
        losses = {}
        if domain != 'unlabeled':
            labels = torch.stack([sample.gt_sem_seg.data[0] for sample in samples])
            losses[f'{domain} cross-entropy'] = F.cross_entropy(logits, labels, ignore_index=255)
        if domain in self.objective.gradient_domains:
            wanted = 1.0 if self.objective.align == 'source' else 0.0
            adv_loss = self._gan_loss(logits.softmax(1), wanted)
            losses['adversarial'] = self.objective.weights['main'] * adv_loss
        return losses

    def _gan_loss(self, maps: Tensor, label: float) -> Tensor:
        d_logits = self.discriminator(maps)
        return self.objective.criterion(d_logits, torch.full_like(d_logits, label))


def start_sequential(cfg: Config) -> SequentialLoop:
    """Build the loop from a config, with PyTorch's usual memory format and optimizers.

    Args:
        cfg: A config that :func:`mmseg_joint.benchmark.configs.prepare` made.

    Returns:
        The loop.
    """
    configure_malloc()
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    MMLogger.get_instance('sequential', log_level='ERROR')  # avoids a log line for each parameter
    cfg = copy.deepcopy(cfg)
    cfg.model.channels_last = False
    wrapper = cfg.optim_wrapper
    wrapper.dtype = None
    for network in wrapper.values():
        if isinstance(network, dict) and 'optimizer' in network:
            network['optimizer'].pop('fused', None)
    model = MODELS.build(cfg.model)
    model.init_weights()
    model.to(torch.device(cfg.train_cfg.device))
    optim_wrapper = JointOptimWrapperConstructor(wrapper)(model)
    return SequentialLoop(model, [inner.optimizer for inner in optim_wrapper.values()])
