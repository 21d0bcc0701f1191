from __future__ import annotations

import copy
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import ModuleDict
from mmseg.registry import DATASETS, HOOKS
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mmseg_joint.checks.model import check_classes
from mmseg_joint.datasets.randomness import seeded
from mmseg_joint.engine.isolated_eval import isolated_eval, isolated_forward
from mmseg_joint.errors import JointError
from mmseg_joint.utils.numbers import check_whole
from mmseg_joint.utils.unwrapped import unwrapped

DOMAINS = ('source', 'target')
COSINE, HELD_OUT = 'gradient.cosine', 'held_out.cross_entropy'
SCALE = 2.0**10  # of losses, so that float16 gradients do not vanish; a cosine ignores scale


@HOOKS.register_module()
class GradientCosineHook(Hook):
    """Monitors whether the source still helps: do its gradients agree with the target's?

    Every `interval` iterations it logs the cosine and the norms of the supervised gradients of
    `source` and `target` on the backbone's weights, without the objectives, as `gradient.cosine`,
    `gradient.source` and `gradient.target`. Above 0, a step on the source also lowers the
    target's loss; below 0, it raises it. One batch is noisy: read the mean of many. It costs one
    extra forward and two extra backwards on these iterations; training itself stays the same, bit
    for bit.

    With `held_out`, images of the source that are not trained on, the main head's cross-entropy on
    them is logged as `held_out.cross_entropy`: if it rises while the training loss falls, the
    source is being memorized.

    Args:
        interval: Iterations from one measurement to the next.
        held_out: Config of a dataset; its augmentation is the same at each measurement.

    Raises:
        JointError: When `interval` is not a whole number from 1, the model is not one of joint
            training, has a frozen backbone or recomputes maps in the backward, or `held_out` has
            other classes.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 100, held_out: dict[str, Any] | None = None) -> None:
        check_whole('GradientCosineHook.interval', interval)
        self.interval, self.held_out = interval, held_out
        self._images: Any = None

    def before_train(self, runner: Any) -> None:
        """Check that the model can be monitored, and build the dataset."""
        from mmseg_joint.models.segmentors import JointEncoderDecoder
        from mmseg_joint.models.segmentors.joint_encoder_decoder import is_recomputed

        model = unwrapped(runner.model)
        if not isinstance(model, JointEncoderDecoder):
            raise JointError(
                f'GradientCosineHook watches joint training, but model.type is '
                f'{type(model).__name__}: set it to JointEncoderDecoder, or delete the hook.'
            )
        if model.sequential_domains or any(map(is_recomputed, model.modules())):
            raise JointError(
                'GradientCosineHook does not go with maps that are computed again in the backward '
                '(with_cp, activation_checkpointing, sequential_domains): delete one of them.'
            )
        if not any(weight.requires_grad for weight in model.backbone.parameters()):
            raise JointError(
                'GradientCosineHook compares gradients on the backbone, but the backbone has no '
                'weight that is trained: unfreeze some, or delete the hook.'
            )
        if self.held_out is not None:
            self._images = DATASETS.build(copy.deepcopy(self.held_out))
            check_classes(model, self._images, 'GradientCosineHook.held_out')

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Measure, if it is time to."""
        if runner.iter % self.interval:
            return
        model = unwrapped(runner.model)
        with isolated_forward(model), runner.optim_wrapper.optim_context(runner.model):
            values = self._gradients(model, copy.deepcopy(data_batch))
        if self._images is not None:
            with isolated_eval(model):
                values[HELD_OUT] = self._held_out(model)
        if values:
            runner.visualizer.add_scalars(values, step=runner.iter)
            text = ', '.join(f'{name} {value:.4g}' for name, value in values.items())
            runner.logger.info(f'Source and target at iteration {runner.iter}: {text}')

    def _gradients(self, model: Any, batch: Any) -> dict[str, float]:
        data = model.data_preprocessor(batch, training=True)
        inputs, samples = ({d: data[k].get(d) for d in DOMAINS} for k in data)
        if any(images is None for images in inputs.values()):
            return {}  # a stage in which one of the domains takes no part
        objectives, model.objectives = model.objectives, ModuleDict()
        # it may name domains that take no part; the averages are restored anyway
        statistics, model.norm_statistics = model.norm_statistics, 'all'
        try:
            losses = model.loss(inputs, samples)
        finally:
            model.objectives, model.norm_statistics = objectives, statistics
        weights = [weight for weight in model.backbone.parameters() if weight.requires_grad]
        own = [
            [v for k, v in losses.items() if k.startswith(f'{d}.') and 'loss' in k] for d in DOMAINS
        ]
        if not all(own):
            return {}  # one of the domains has no labels
        first, second = (_gradient(parts, weights) for parts in own)
        norms = float(first.norm()), float(second.norm())
        cosine = float(first @ second) / max(norms[0] * norms[1], 1e-30)
        lengths = {f'gradient.{d}': norm / SCALE for d, norm in zip(DOMAINS, norms)}
        return {COSINE: cosine, **lengths}

    def _held_out(self, model: Any) -> float:
        head = model.decode_head
        ignored = (head[-1] if isinstance(head, nn.ModuleList) else head).ignore_index
        total, count = 0.0, 0
        for index in range(len(self._images)):
            with seeded(0, 'held_out', index):
                sample = self._images[index]
            batch = {'inputs': [sample['inputs']], 'data_samples': [sample['data_samples']]}
            data = model.data_preprocessor(batch, training=True)
            ((images, samples),) = zip(data['inputs'].values(), data['data_samples'].values())
            _, scores = model.segment(images, evaluate=True)
            labels = torch.stack([s.gt_sem_seg.data.squeeze(0) for s in samples])
            total += float(
                cross_entropy(scores.float(), labels.long(), ignore_index=ignored, reduction='sum')
            )
            count += int((labels != ignored).sum())
        return total / max(count, 1)


def _gradient(losses: list[Any], weights: list[nn.Parameter]) -> Tensor:
    """Return the gradient of a domain's supervised losses, flat and in double precision."""
    parts = [part.mean() for v in losses for part in (v if isinstance(v, list) else [v])]
    total = SCALE * torch.stack(parts).sum()
    found = torch.autograd.grad(total, weights, retain_graph=True, materialize_grads=True)
    return torch.cat([gradient.flatten().double() for gradient in found])
