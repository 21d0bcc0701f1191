from __future__ import annotations

from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_joint.errors import JointError
from mmseg_joint.models.losses.cross_entropies import gan_loss

from .base import Objective, ObjectiveResult, call_frozen, probability_map
from .domains import DomainOutput

SOURCE, TARGET = 0.0, 1.0
# 1×1 convolutions, which classify each cell by itself
CLASSIFIER = {
    'type': 'PatchDiscriminator',
    'channels': (512, 256, 128),
    'kernel_size': 1,
    'stride': 1,
    'padding': 0,
    'negative_slope': 0.2,
}


@MODELS.register_module()
class SpatialAdversarial(Objective):
    """Makes features of two domains indistinguishable in each region of the image separately.

    The spatial-aware adaptation of "ROAD: Reality Oriented Adaptation for Semantic Segmentation of
    Urban Scenes" (Chen et al., CVPR 2018), after its abstract, details ours (RO1-RO5): the image is
    divided into a grid, and each of its regions has its own domain classifier for every cell of the
    features. The backbone is trained against them as through a reversed gradient: with
    L = Σ over the regions of the mean cross-entropy on the source's and on the target's cells, the
    classifiers minimize L, and the backbone -λ L.

    Args:
        in_channels: Channels of the features.
        grid: Rows and columns of the grid.
        feature_index: Which of the backbone's outputs is classified.
        weight: λ.
        classifier: What differs from 1×1 convolutions 512-256-128-1.
        target: The domain used as the target.

    Raises:
        JointError: When the features have fewer cells than the grid.
    """

    def __init__(
        self,
        in_channels: int,
        grid: tuple[int, int] = (3, 3),
        feature_index: int = -1,
        weight: float = 0.01,
        classifier: dict[str, Any] | None = None,
        target: str = 'unlabeled',
    ) -> None:
        super().__init__()
        self.grid = tuple(grid)
        self.feature_index = feature_index
        self.weight = weight
        self.target = target
        self.domains = ('source', target)
        config = {**CLASSIFIER, 'in_channels': in_channels, **(classifier or {})}
        rows, columns = self.grid
        self.classifiers = nn.ModuleList(MODELS.build(config) for _ in range(rows * columns))

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Compute the backbone's loss (negative), and the classifiers' loss and accuracy."""
        adv_losses, d_losses, right = [], [], []
        for domain, label in (('source', SOURCE), (self.target, TARGET)):
            parts = self._regions(outputs[domain].features[self.feature_index])
            for classifier, part in zip(self.classifiers, parts):
                adv_losses.append(gan_loss(call_frozen(classifier, part), label))
                logits = classifier(part.detach())
                d_losses.append(gan_loss(logits, label))
                right.append(((logits > 0) == bool(label)).double().mean())
        return ObjectiveResult(
            {
                'loss_adversarial': -self.weight * torch.stack(adv_losses).sum(),
                'loss_classifiers': torch.stack(d_losses).sum(),
                'accuracy': torch.stack(right).mean(),
            }
        )

    def visualize(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """Return how much each region's classifier takes its cells for the target's."""
        found = {}
        for domain in self.domains:
            parts = self._regions(outputs[domain].features[self.feature_index])
            maps = [probability_map(net(part)) for net, part in zip(self.classifiers, parts)]
            columns = self.grid[1]
            rows = [torch.cat(maps[i : i + columns], 2) for i in range(0, len(maps), columns)]
            found[domain] = {'says target': torch.cat(rows, dim=1)}
        return found

    def _regions(self, features: Tensor) -> list[Tensor]:
        """Cut features (N, K, h, w) along the grid, row by row."""
        pairs = list(zip(features.shape[2:], self.grid))
        if any(cells < parts for cells, parts in pairs):
            raise JointError(
                f'SpatialAdversarial.grid is {self.grid}, but the features have '
                f'{tuple(features.shape[2:])} cells (height, width): choose a coarser grid, a '
                'finer feature_index or larger images.'
            )
        height, width = ([cells * n // parts for n in range(parts + 1)] for cells, parts in pairs)
        return [
            features[..., top:bottom, left:right]
            for top, bottom in zip(height, height[1:])
            for left, right in zip(width, width[1:])
        ]
