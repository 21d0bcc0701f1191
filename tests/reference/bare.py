from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.models.losses import CrossEntropyLoss
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from mmseg_joint.benchmark.batches import Batch

from .bare_objectives import WRITTEN, Domain

DTYPES = {'bfloat16': torch.bfloat16, 'float16': torch.float16}


class BareLoop:
    """The joint step in plain PyTorch, a reference for the Runner's step.

    It calls the same modules as often and steps the same optimizers. There are no hooks, no log,
    no accuracy, no checks, no samplers and no functional calls.

    Args:
        model: A `JointEncoderDecoder` for which :func:`not_written` finds nothing.
        optimizers: Network's name -> its optimizer.
        dtype: Precision that the forward is cast to; None or `'float32'` for no cast.
    """

    def __init__(
        self, model: nn.Module, optimizers: dict[str, Optimizer], dtype: str | None = None
    ) -> None:
        self.model = model
        self.optimizers = list(optimizers.values())
        self.dtype = DTYPES.get(dtype or '')
        self.device = next(model.parameters()).device
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=dtype == 'float16')

    def step(self, batch: dict[str, list]) -> None:
        """Run forward and backward, and step every optimizer.

        Args:
            batch: `inputs` and `data_samples`, as a data loader returns them.
        """
        self.scaler.scale(self.loss(batch)).backward()
        for optimizer in self.optimizers:
            self.scaler.step(optimizer)
        self.scaler.update()
        for optimizer in self.optimizers:
            optimizer.zero_grad()

    def loss(self, batch: dict[str, list]) -> Tensor:
        """Compute the sum of all networks' losses.

        Args:
            batch: As above.

        Returns:
            A scalar, with gradients.
        """
        cast = torch.autocast(self.device.type, self.dtype) if self.dtype else nullcontext()
        with cast:
            domains = self._domains(batch)
            total: Any = 0.0
            weights: dict[str, Tensor] = {}
            for objective in self.model.objectives.values():
                loss, weight = WRITTEN[type(objective).__name__](objective, domains)
                total = total + loss
                if weight is not None:
                    weights['source'] = weight * weights.get('source', 1)
            for name, domain in domains.items():
                total = total + self._cross_entropy(domain, weights.get(name))
        return total

    def _domains(self, batch: dict[str, list]) -> dict[str, Domain]:
        names = [sample.metainfo['domain'] for sample in batch['data_samples']]
        domains = {}
        for name in dict.fromkeys(names):
            chosen = [index for index, other in enumerate(names) if other == name]
            pixels = torch.stack([batch['inputs'][i] for i in chosen]).to(self.device).float()
            labels = [batch['data_samples'][i].gt_sem_seg.data[0] for i in chosen]
            domains[name] = Domain(pixels, torch.stack(labels).to(self.device))
        preprocessor = self.model.data_preprocessor
        for domain in domains.values():
            if preprocessor.converts_channels:
                domain.pixels = domain.pixels[:, [2, 1, 0]]
            domain.unit_images = (domain.pixels - preprocessor.mean) / preprocessor.std
        self._segment(list(domains.values()))
        return domains

    def _segment(self, domains: list[Domain]) -> None:
        if not self._merged():
            for domain in domains:
                domain.features, domain.logits = self._forward(domain.unit_images)
            return
        counts = [len(domain.unit_images) for domain in domains]
        features, logits = self._forward(torch.cat([domain.unit_images for domain in domains]))
        split = [feature.split(counts) for feature in features]
        for index, (domain, part) in enumerate(zip(domains, logits.split(counts), strict=True)):
            domain.features, domain.logits = [feature[index] for feature in split], part

    def _merged(self) -> bool:
        if self.model.merge_domains != 'auto':
            return self.model.merge_domains
        segmentor = [child for name, child in self.model.named_children() if name != 'objectives']
        modules = [module for child in segmentor for module in child.modules()]
        return not any(isinstance(module, _BatchNorm) and module.training for module in modules)

    def _forward(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        features = self.model.backbone(images)
        if self.model.with_neck:
            features = self.model.neck(features)
        head = self.model.decode_head
        logits = head(features)
        if logits.shape[2:] != images.shape[2:]:
            size, align = images.shape[2:], head.align_corners
            logits = F.interpolate(logits, size, mode='bilinear', align_corners=align)
        return features, logits

    def _cross_entropy(self, domain: Domain, weights: Tensor | None) -> Tensor:
        head = self.model.decode_head
        ignored = domain.labels == head.ignore_index
        pixels = F.cross_entropy(
            domain.logits, domain.labels, ignore_index=head.ignore_index, reduction='none'
        )
        if weights is not None:
            pixels = pixels * weights
        averaged = head.loss_decode.avg_non_ignore
        count = ignored.numel() - ignored.sum() if averaged else ignored.numel()
        return head.loss_decode.loss_weight * pixels.sum() / count


def not_written(model: nn.Module) -> str | None:
    """Find what the bare loop does not support.

    Args:
        model: A segmentor.

    Returns:
        The first unsupported part of it; None if all is supported.
    """
    head = model.decode_head
    if type(model).__name__ != 'JointEncoderDecoder':
        return type(model).__name__
    if model.with_auxiliary_head:
        return 'auxiliary heads'
    if getattr(head.sampler, 'inner', None) is not None:
        return 'pixel samplers'
    if type(head.loss_decode) is not CrossEntropyLoss or head.loss_decode.class_weight is not None:
        return 'losses other than plain cross-entropy'
    if not model.data_preprocessor._enable_normalize:
        return 'images that are not normalized'
    for objective in model.objectives.values():
        if type(objective).__name__ not in WRITTEN:
            return type(objective).__name__
    return None


@torch.no_grad()
def losses_of_both(
    model: nn.Module, bare: BareLoop, batch: Batch, optim_wrapper: Any
) -> tuple[float, float]:
    """Compute the total loss of one batch with the model and with the bare loop.

    Args:
        model: The segmentor.
        bare: The loop over it.
        batch: The batch.
        optim_wrapper: Casts the model's forward.

    Returns:
        Both sums; dropout and label noise are drawn from the same seed.
    """
    model.train()
    torch.manual_seed(0)
    with optim_wrapper.optim_context(model):
        data = model.data_preprocessor(batch, training=True)
        theirs, _ = model.parse_losses(model.loss(**data))
    torch.manual_seed(0)
    return float(theirs), float(bare.loss(batch))
