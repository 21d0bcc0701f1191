from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_joint.errors import JointError
from mmseg_joint.models.precision import full_precision


@MODELS.register_module()
class HierarchicalWeightLoss(nn.Module):
    """The weighting networks' own loss: tell the domains apart.

    Eq. 1 of *Not All Areas Are Equal: Transfer Learning for Semantic Segmentation via Hierarchical
    Region Selection* (Sun et al., CVPR 2019): `L_Wk = mean |M_k(x) - d|`, summed over the levels k.

    Args:
        loss_weight: Factor of the sum.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, scores: Mapping[str, Tensor], domain_label: float) -> Tensor:
        """Compare scores with their domain.

        Args:
            scores: M_k of each enabled level, any shape, unbounded.
            domain_label: d: 0 for source, 1 for target.

        Returns:
            A scalar, computed in float32 at least, whatever the precision of the scores.

        Raises:
            JointError: When no level is given.
        """
        if not scores:
            raise JointError(
                'HierarchicalWeightLoss got no scores: name at least one of '
                'pixel, region, image in the levels of the objective.'
            )
        distances: Any = (full_precision(score) - domain_label for score in scores.values())
        return self.loss_weight * sum(distance.abs().mean() for distance in distances)
