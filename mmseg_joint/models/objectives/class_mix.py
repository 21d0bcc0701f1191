from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_joint.errors import JointError

from .domains import DerivedDomain, DomainInput, check_same_size
from .segmentor_handle import SegmentorHandle
from .self_training import SelfTraining


@MODELS.register_module()
class ClassMix(SelfTraining):
    """Trains on unlabeled images onto which half of a labeled image's classes are pasted.

    "DACS: Domain Adaptation via Cross-domain Mixed Sampling" (Tranheden et al., WACV 2021), after
    "ClassMix" (Olsson et al., WACV 2021). A :class:`Teacher` labels the unlabeled images. Pasted
    pixels keep their true labels and weigh 1; the others weigh q, the share of pixels on which the
    teacher is confident. The mix's color and sharpness are changed at random. Each mix is a domain
    of its own, `source_mix`, with an ordinary supervised loss.

    Args:
        segmentor: The segmentor; the model fills it in.
        num_classes: Number of classes C; the model fills it in.
        teacher: Name of the :class:`Teacher` in `model.objectives`.
        from_domains: Labeled domains whose classes are pasted, e.g. `('source', 'target')`.
        onto: The domain whose images they are pasted onto; its labels are not read.
        threshold: Probability from which the teacher counts as confident, in [0, 1].
        q_over: `'image'`: q of each image; `'batch'`: of all images of a step, as in
            :meth:`Teacher.trust`; `'pixel'`: 1 or 0, so that a pixel on which the teacher is not
            confident is not trained on.
        colors: How color and sharpness change: arguments of :class:`ColorChange`.
        weight: Weight of the supervised loss on a mix.
        ignore_index: Label of pixels without a class, never pasted; the model fills it in.

    Raises:
        JointError: When a value is out of range, when `from_domains` is empty or holds `onto`, when
            images that are to be mixed differ in size, or when there is no teacher of that name.
    """

    def __init__(
        self,
        segmentor: SegmentorHandle,
        num_classes: int,
        teacher: str = 'teacher',
        from_domains: Sequence[str] = ('source',),
        onto: str = 'unlabeled',
        threshold: float = 0.968,
        q_over: str = 'batch',
        colors: dict[str, Any] | None = None,
        weight: float = 1.0,
        ignore_index: int = 255,
    ) -> None:
        super().__init__(segmentor, teacher, threshold, q_over, colors, weight)
        if isinstance(from_domains, str) or not from_domains or onto in from_domains:
            raise JointError(
                f'ClassMix.from_domains is {from_domains!r}: give a list of labeled domains other '
                f'than ClassMix.onto="{onto}".'
            )
        self.num_classes = num_classes
        self.from_domains = tuple(from_domains)
        self.onto = onto
        self.domains = (*self.from_domains, onto)
        self.ignore_index = ignore_index

    def derive(self, domains: dict[str, DomainInput]) -> dict[str, DerivedDomain]:
        """Make `<domain>_mix` from each of `from_domains`: as many images as `onto` has.

        Nothing is made before the teacher begins.
        """
        onto = domains[self.onto]
        for name in self.from_domains:
            check_same_size('ClassMix', domains, name, self.onto)
        pseudo = self.label(onto)
        if pseudo is None:
            return {}
        labels, weights = pseudo
        mixes = {}
        for name in self.from_domains:
            source = domains[name]
            # labeled images are repeated if there are fewer
            chosen = torch.arange(len(labels), device=labels.device) % len(source.inputs)
            truth, images = source.truth[chosen], source.unit_images[chosen]
            pasted = self.paste(truth)
            mixed = torch.where(pasted[:, None], images, onto.unit_images)
            mixes[f'{name}_mix'] = DerivedDomain(
                self.colors(mixed, self.segmentor.red_first),
                torch.where(pasted, truth, labels),
                torch.where(pasted, self.weight, weights),
            )
        return mixes

    def paste(self, truth: Tensor) -> Tensor:
        """Choose half of each image's classes at random: a mask of its pixels, (N, H, W)."""
        flat = truth.flatten(1)
        flat = flat.where(flat != self.ignore_index, self.num_classes)
        present = flat.new_zeros(len(flat), self.num_classes + 1, dtype=torch.bool)
        present.scatter_(1, flat, True)
        present[:, self.num_classes].fill_(False)
        draws = torch.rand(present.shape, device=truth.device).masked_fill(~present, 2.0)
        places = draws.argsort(dim=1).argsort(dim=1)
        half = (present.sum(dim=1, keepdim=True) + 1) // 2
        return (places < half).gather(1, flat).view_as(truth)
