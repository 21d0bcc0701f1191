from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import ModuleDict
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_joint.errors import JointError
from mmseg_joint.models.losses.global_mean import mean_of_all_ranks
from mmseg_joint.models.losses.weighting_maps import weighting_map

from .base import Objective, ObjectiveResult, call_together
from .domains import DomainOutput

LEVELS = ('pixel', 'region', 'image')


@MODELS.register_module()
class HierarchicalWeighting(Objective):
    """Weights each source pixel by how target-like the predicted label structure around it is.

    "Not All Areas Are Equal: Transfer Learning for Semantic Segmentation via Hierarchical Region
    Selection", CVPR 2019, Eq. 1 and 3-5. The networks see the detached softmax of the up-sampled
    logits (H1): Eq. 1 trains them only, and the weights are constants for the segmentor.

    Args:
        num_classes: Number of classes C; the model fills it in.
        per_class: One map per class, the paper's W^19; otherwise one shared map, its W^1.
        levels: Any subset of `'pixel'`, `'region'` and `'image'`; Eq. 4 is the mean over them.
        network: Config of :class:`WeightingNetwork`, without what this class fills in. A level's
            name holds its own settings: `dict(channels=…, region=dict(strides=…))` (H3).
        loss: Config of Eq. 1.
        unit_mean: Divide the weights by their mean over the labeled pixels of all processes, so
            that Eq. 5 is divided by the sum of the weights: choosing pixels then leaves the source
            as strong as before. False divides by the number of pixels (H2).
        also: Domains made by other objectives that are weighted too when they exist, such as
            `('source_mix',)` of :class:`.ClassMix`; Eq. 1 stays with source and target.
        ignore_index: Label of pixels without a class.

    Raises:
        JointError: `levels` is empty or names an unknown level.
    """

    weighs_pixels = True

    def __init__(
        self,
        num_classes: int,
        per_class: bool = True,
        levels: Sequence[str] = LEVELS,
        network: dict[str, Any] | None = None,
        loss: dict[str, Any] | None = None,
        unit_mean: bool = False,
        also: Sequence[str] = (),
        ignore_index: int = 255,
    ) -> None:
        super().__init__()
        if not levels or set(levels) - set(LEVELS):
            raise JointError(
                f'HierarchicalWeighting.levels is {list(levels)}: '
                f'choose at least one of {", ".join(LEVELS)}.'
            )
        self.unit_mean = unit_mean
        self.also = tuple(also)
        self.ignore_index = ignore_index
        network = dict(network or {})
        own = {level: network.pop(level, {}) for level in LEVELS}
        filled_in = {
            'type': 'WeightingNetwork',
            'in_channels': num_classes,
            'num_maps': num_classes if per_class else 1,
        }
        self.networks = ModuleDict(
            {
                level: MODELS.build({**filled_in, 'level': level, **network, **own[level]})
                for level in LEVELS
                if level in levels
            }
        )
        self.loss = MODELS.build(loss or {'type': 'HierarchicalWeightLoss'})

    @property
    def output_domains(self) -> tuple[str, ...]:
        """Source and target, and the other weighted domains."""
        return (*self.domains, *self.also)

    def score(self, probabilities: Tensor) -> dict[str, Tensor]:
        """Score how target-like predictions are, given as softmax (N, C, H, W).

        Returns:
            Level -> scores: (N, K, H, W), (N, K, H/8, W/8) or (N, K), with K = C or 1.
        """
        return {level: network(probabilities) for level, network in self.networks.items()}

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Compute Eq. 1 for the networks and Eq. 3-4 for the source pixels; log the mean weight."""
        both = [outputs[domain].probabilities for domain in self.domains]
        pairs = {level: call_together(net, *both) for level, net in self.networks.items()}
        source, target = ({level: pair[n] for level, pair in pairs.items()} for n in (0, 1))
        weights, mean = self._weights(source, outputs['source'])
        losses = {
            'loss_source': self.loss(source, 0.0),
            'loss_target': self.loss(target, 1.0),
            'mean_weight': mean,
        }
        maps = {'source': weights}
        for domain in self.also:
            if domain in outputs:
                with torch.no_grad():
                    scores = self.score(outputs[domain].probabilities)
                maps[domain] = self._weights(scores, outputs[domain])[0]
        return ObjectiveResult(losses, maps)

    def _weights(self, scores: dict[str, Tensor], output: DomainOutput) -> tuple[Tensor, Tensor]:
        """Compute the weights of a domain's pixels, and their mean over the labeled ones."""
        labels = output.truth
        exact = output.probabilities.dtype  # float64 where the model computes in it
        weights = weighting_map(scores, labels, self.ignore_index, exact)
        total, count = weights.sum(), (labels != self.ignore_index).sum()  # weight 0 if ignored
        if self.unit_mean:
            mean = mean_of_all_ranks(total, count)
            weights = weights / mean.where(mean > 0, 1)  # without any weight, 0 stays 0
        return weights, total / count.clamp(min=1)

    def visualize(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """Return H of Eq. 4 and H_k of each level, where there is a label."""
        source = outputs['source']
        ignored = source.truth == self.ignore_index

        def weights(scores: dict[str, Tensor]) -> Tensor:
            maps = weighting_map(scores, source.truth, self.ignore_index)
            return maps.masked_fill(ignored, torch.nan)

        scores = self.score(source.probabilities)
        levels = {f'{level} level': weights({level: score}) for level, score in scores.items()}
        return {'source': {'weight H': weights(scores), **levels}}
