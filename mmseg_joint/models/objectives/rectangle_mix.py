from __future__ import annotations

from collections.abc import Sequence

import torch
from mmseg.registry import MODELS

from mmseg_joint.errors import JointError
from mmseg_joint.models.random_boxes import random_boxes

from .base import Objective, ObjectiveResult
from .domains import DerivedDomain, DomainInput, DomainOutput, check_same_size


@MODELS.register_module()
class RectangleMix(Objective):
    """Trains on labeled target images into which a rectangle of a source image is pasted.

    The region-level mix of "Semi-supervised Domain Adaptation based on Dual-level Domain Mixing for
    Semantic Segmentation" (DDM; Chen et al., CVPR 2021). All labels are true ones, so it needs
    neither a teacher nor unlabeled images. The mixes are a domain of their own, `rectangle_mix`.

    Args:
        from_domain: The labeled domain that rectangles are cut from.
        onto: The labeled domain that they are pasted onto.
        area: Range of a rectangle's share of the image. The paper gives none; with ours, at least
            half of the image stays the labeled domain's.
        aspect: Range of its height / width.
        weight: Weight of the supervised loss on the mixes; 1 works with heads that take no pixel
            weights too.

    Raises:
        JointError: When both domains are the same, or their images differ in size.
    """

    output_domains = ()

    def __init__(
        self,
        from_domain: str = 'source',
        onto: str = 'target',
        area: Sequence[float] = (0.25, 0.5),
        aspect: Sequence[float] = (0.5, 2.0),
        weight: float = 1.0,
    ) -> None:
        super().__init__()
        if from_domain == onto:
            raise JointError(f'RectangleMix pastes "{onto}" onto itself: name two domains.')
        self.from_domain = from_domain
        self.onto = onto
        self.domains = (from_domain, onto)
        self.area = tuple(area)
        self.aspect = tuple(aspect)
        self.weight = weight
        self.weighs_pixels = weight != 1.0

    def derive(self, domains: dict[str, DomainInput]) -> dict[str, DerivedDomain]:
        """Make `rectangle_mix`: as many images as `onto` has, and their labels."""
        check_same_size('RectangleMix', domains, self.from_domain, self.onto)
        source, onto = domains[self.from_domain], domains[self.onto]
        truth = onto.truth
        count, *size = truth.shape
        # source images are repeated if there are fewer
        chosen = torch.arange(count, device=truth.device) % len(source.inputs)
        boxes = random_boxes(count, size, self.area, self.aspect, device=truth.device)
        images = torch.where(boxes[:, None], source.unit_images[chosen], onto.unit_images)
        labels = torch.where(boxes, source.truth[chosen], truth)
        weights = None
        if self.weighs_pixels:
            weights = images.new_full((1, 1, 1), self.weight).expand(labels.shape)
        return {'rectangle_mix': DerivedDomain(images, labels, weights)}

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Add no loss: the supervised loss on the mixes trains the segmentor."""
        return ObjectiveResult({})
