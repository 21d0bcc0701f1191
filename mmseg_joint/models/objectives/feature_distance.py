from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_joint.checkpoints.pretrained import pretrained_cfgs
from mmseg_joint.errors import JointError
from mmseg_joint.models.losses.global_mean import global_mean
from mmseg_joint.models.precision import full_precision
from mmseg_joint.utils.numbers import check_choice, check_share

from .base import Objective, ObjectiveResult
from .domains import DomainOutput
from .frozen_backbone import FrozenBackbone
from .segmentor_handle import SegmentorHandle

FOUNDATION = ('vit_', 'eva', 'dinov', 'clip', 'beit')  # in timm's names


@MODELS.register_module()
class FeatureDistance(Objective):
    """Keeps the backbone's features near those of its pretrained weights.

    These are the weights that `model.backbone.init_cfg` loads; without it, those that training
    starts from, such as another run's (`load_from`).

    `'l2'` is the feature distance of "DAFormer: Improving Network Architectures and Training
    Strategies for Domain-Adaptive Semantic Segmentation" (Hoyer et al., CVPR 2022): the mean
    Euclidean distance over those cells of the feature map that one thing class fills. `'cosine'` is
    for foundation models, after VFM-UDA++ (Englert et al., 2025): .1 · smooth L1 +
    .9 · (1 - cosine), computed on a small projection of the trained features.

    Args:
        segmentor: The segmentor; the model fills it in.
        num_classes: Number of classes C; the model fills it in.
        mode: `'l2'` or `'cosine'`.
        weight: λ_FD; by default .005 for `'l2'` and .1 for `'cosine'`.
        domains: Domains on whose images it is computed.
        classes: Indices of the classes whose cells count: the things. None for every cell, labeled
            or not.
        purity: Share of a cell's pixels that must be of one class, in [0, 1].
        level: Which of the backbone's outputs is compared.
        channels: Its channels, for the projection of `'cosine'`.
        ignore_index: Label of pixels without a class; the model fills it in.

    Raises:
        JointError: When a value is out of range, when `'l2'` is asked for with a foundation model,
            or when the features differ in shape from those they are compared with.
    """

    def __init__(
        self,
        segmentor: SegmentorHandle,
        num_classes: int,
        mode: str = 'l2',
        weight: float | None = None,
        domains: Sequence[str] = ('source',),
        classes: Sequence[int] | None = None,
        purity: float = 0.75,
        level: int = -1,
        channels: int | None = None,
        ignore_index: int = 255,
    ) -> None:
        super().__init__()
        check_choice('FeatureDistance.mode', mode, ('l2', 'cosine'))
        if (mode == 'cosine') != (channels is not None):
            raise JointError(
                'FeatureDistance.channels is the number of channels of the features that '
                "mode='cosine' projects: give it there, and only there."
            )
        check_share('FeatureDistance.purity', purity)
        if classes is not None and not set(classes) <= set(range(num_classes)):
            raise JointError(
                f'FeatureDistance.classes is {list(classes)}: give indices of classes from 0 to '
                f'{num_classes - 1}.'
            )
        self.domains = tuple(domains)
        self.frozen = FrozenBackbone(segmentor)
        name = getattr(self.frozen.backbone, 'model_name', '')
        if mode == 'l2' and any(part in name for part in FOUNDATION):
            raise JointError(
                f"FeatureDistance.mode='l2' harms a foundation model like {name}: choose "
                "mode='cosine', or leave this objective out."
            )
        self.num_classes = num_classes
        self.mode = mode
        self.weight = {'l2': 0.005, 'cosine': 0.1}[mode] if weight is None else weight
        self.purity = purity
        self.level = level
        self.ignore_index = ignore_index
        self.projection = nn.Conv2d(channels, channels, 1) if channels else nn.Identity()
        known = range(num_classes)
        counts = None if classes is None else torch.tensor([k in classes for k in known])
        self.register_buffer('counts', counts, persistent=False)

    def init_weights(self) -> None:
        """Take over the backbone's weights; warn if they are not pretrained ones."""
        super().init_weights()
        if not pretrained_cfgs(self.frozen.backbone):
            print_log(
                'FeatureDistance keeps the features of a backbone without pretrained weights, '
                'unless load_from has some: else give model.backbone.init_cfg, or leave the '
                'objective out.',
                logger='current',
                level=logging.WARNING,
            )

    def before_train(self) -> None:
        """Take over weights that were not loaded through the backbone's `init_cfg`."""
        if not pretrained_cfgs(self.frozen.backbone):
            self.frozen.take_over()

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Compute the distance, `loss_distance`."""
        found = [self._distances(outputs[domain]) for domain in self.domains]
        total = torch.stack([(distance * cells).sum() for distance, cells in found]).sum()
        count = torch.stack([cells.sum() for _, cells in found]).sum()
        return ObjectiveResult({'loss_distance': self.weight * global_mean(total, count)})

    def _distances(self, output: DomainOutput) -> tuple[Tensor, Tensor]:
        """Compute the distance of each cell, and whether it counts, (N, h, w)."""
        own = self.projection(output.features[self.level])
        first = full_precision(self.frozen(output.inputs)[self.level])
        own = full_precision(own)
        if own.shape != first.shape:
            raise JointError(
                f'FeatureDistance compares features of {tuple(own.shape[1:])} with the '
                f"backbone's of {tuple(first.shape[1:])} (channels, height, width): choose another "
                'level, one that the neck leaves as it is.'
            )
        if self.mode == 'l2':
            distance = (own - first).square().sum(dim=1)
            # the root has no gradient at 0, where every run begins
            distance = distance.where(distance > 0, 1).sqrt() * (distance > 0)
        else:
            smooth = F.smooth_l1_loss(own, first, reduction='none').mean(dim=1)
            distance = 0.1 * smooth + 0.9 * (1 - F.cosine_similarity(own, first, dim=1))
        return distance, self._cells(output, tuple(distance.shape[1:]))

    def _cells(self, output: DomainOutput, size: tuple[int, ...]) -> Tensor:
        if self.counts is None:
            return output.inputs.new_ones(len(output.inputs), *size, dtype=torch.bool)
        labels = output.truth
        labels = labels.where(labels != self.ignore_index, self.num_classes)
        rows, columns = (
            torch.arange(side, device=labels.device) * parts // side
            for side, parts in zip(labels.shape[1:], size)
        )
        places = (rows[:, None] * size[1] + columns) * (self.num_classes + 1) + labels
        votes = labels.new_zeros(len(labels), size[0] * size[1] * (self.num_classes + 1))
        votes.scatter_add_(1, places.flatten(1), torch.ones_like(labels).flatten(1))
        votes = votes.view(len(labels), *size, self.num_classes + 1)
        most, kind = votes[..., :-1].max(dim=-1)
        return (most >= self.purity * votes.sum(dim=-1)) & self.counts[kind]
