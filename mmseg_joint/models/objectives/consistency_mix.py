from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.registry import MODELS

from mmseg_joint.models.random_boxes import random_boxes
from mmseg_joint.utils.numbers import check_share, check_whole

from .domains import DerivedDomain, DomainInput
from .segmentor_handle import SegmentorHandle
from .self_training import SelfTraining

STRONG = {
    'jitter': (0.5, 0.5, 0.5, 0.25),
    'jitter_probability': 0.8,
    'gray_probability': 0.2,
    'sigma': (0.1, 2.0),
    'blur_probability': 0.5,
}


@MODELS.register_module()
class ConsistencyMix(SelfTraining):
    """Trains for the same labels on strongly augmented unlabeled images as on the originals.

    After "FixMatch" (Sohn et al., NeurIPS 2020), CutMix of "Semi-supervised semantic segmentation
    needs strong, varied perturbations" (French et al., BMVC 2020), and "Revisiting
    Weak-to-Strong Consistency in Semi-Supervised Semantic Segmentation" (UniMatch; Yang et al.,
    CVPR 2023), whose augmentations are the default. A :class:`Teacher` labels the images; each
    view's color and sharpness are changed, and a rectangle of the next image of the batch is pasted
    into some views, with its labels. Pixels on which the teacher is not confident weigh 0. The
    views are a domain of their own, `<domain>_strong`; the loss is a mean over all their pixels.

    Args:
        segmentor: The segmentor; the model fills it in.
        teacher: Name of the :class:`Teacher` in `model.objectives`.
        domain: The unlabeled domain; its labels, if it has any, are not read.
        threshold: τ, the probability from which the teacher counts as confident, in [0, 1].
        views: Strong views of each image, all weighted alike.
        box_probability: Share of views into which a rectangle is pasted. A batch of one image has
            no other to take it from.
        box_area: Range of the rectangle's share of the image.
        box_aspect: Range of its height / width.
        colors: How color and sharpness change: arguments of :class:`ColorChange`.
        weight: Weight of the supervised loss on all views.

    Raises:
        JointError: When a value is out of range, or when there is no teacher of that name.
    """

    def __init__(
        self,
        segmentor: SegmentorHandle,
        teacher: str = 'teacher',
        domain: str = 'unlabeled',
        threshold: float = 0.95,
        views: int = 1,
        box_probability: float = 0.5,
        box_area: Sequence[float] = (0.02, 0.4),
        box_aspect: Sequence[float] = (0.3, 1 / 0.3),
        colors: dict[str, Any] | None = None,
        weight: float = 1.0,
    ) -> None:
        colors = {**STRONG, **(colors or {})}
        super().__init__(segmentor, teacher, threshold, 'pixel', colors, weight)
        check_share('ConsistencyMix.box_probability', box_probability)
        check_whole('ConsistencyMix.views', views)
        self.domain = domain
        self.domains = (domain,)
        self.views = views
        self.box_probability = box_probability
        self.box_area = tuple(box_area)
        self.box_aspect = tuple(box_aspect)

    def derive(self, domains: dict[str, DomainInput]) -> dict[str, DerivedDomain]:
        """Make `<domain>_strong`: the first view of all images, then the second, ….

        Nothing is made before the teacher begins.
        """
        weak = domains[self.domain]
        pseudo = self.label(weak)
        if pseudo is None:
            return {}
        labels, weights = pseudo
        strong = self.colors(weak.unit_images.repeat(self.views, 1, 1, 1), self.segmentor.red_first)
        strong = strong.unflatten(0, (self.views, -1))
        boxes = random_boxes(
            self.views * len(labels),
            labels.shape[1:],
            self.box_area,
            self.box_aspect,
            self.box_probability,
            labels.device,
        ).unflatten(0, (self.views, -1))
        return {
            f'{self.domain}_strong': DerivedDomain(
                torch.where(boxes[:, :, None], strong.roll(1, dims=1), strong).flatten(0, 1),
                torch.where(boxes, labels.roll(1, dims=0), labels).flatten(0, 1),
                torch.where(boxes, weights.roll(1, dims=0), weights).flatten(0, 1),
            )
        }
