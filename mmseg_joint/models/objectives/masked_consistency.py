from __future__ import annotations

from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_joint.utils.numbers import check_share, check_whole

from .domains import DerivedDomain, DomainInput
from .segmentor_handle import SegmentorHandle
from .self_training import SelfTraining


@MODELS.register_module()
class MaskedConsistency(SelfTraining):
    """Trains for the labels of the whole unlabeled image while most of it is hidden.

    "MIC: Masked Image Consistency for Context-Enhanced Domain Adaptation" (Hoyer et al., CVPR
    2023). A :class:`Teacher` labels the whole image; color and sharpness change as in DACS, and
    square blocks of it are set to the mean color. All pixels weigh q, the share of those on which
    the teacher is confident. The masked images are a domain of their own, `<domain>_masked`.

    Args:
        segmentor: The segmentor; the model fills it in.
        teacher: Name of the :class:`Teacher` in `model.objectives`.
        domain: The unlabeled domain; its labels, if it has any, are not read.
        ratio: Share of blocks that are hidden, in [0, 1].
        block: Side of a block in pixels; None for 1/16 of the image's longer side, as 64 of 1024.
        threshold: Probability from which the teacher counts as confident, in [0, 1].
        q_over: `'image'`: q of each image; `'batch'`: of all images of a step, as in
            :meth:`Teacher.trust`; `'pixel'`: 1 or 0 for each pixel.
        colors: How color and sharpness change: arguments of :class:`ColorChange`.
        weight: λ, weight of the supervised loss on the masked images.

    Raises:
        JointError: When a value is out of range, or when there is no teacher of that name.
    """

    def __init__(
        self,
        segmentor: SegmentorHandle,
        teacher: str = 'teacher',
        domain: str = 'unlabeled',
        ratio: float = 0.7,
        block: int | None = None,
        threshold: float = 0.968,
        q_over: str = 'batch',
        colors: dict[str, Any] | None = None,
        weight: float = 1.0,
    ) -> None:
        super().__init__(segmentor, teacher, threshold, q_over, colors, weight)
        check_share('MaskedConsistency.ratio', ratio)
        if block is not None:
            check_whole('MaskedConsistency.block', block)
        self.domain = domain
        self.domains = (domain,)
        self.ratio = ratio
        self.block = block

    def derive(self, domains: dict[str, DomainInput]) -> dict[str, DerivedDomain]:
        """Make `<domain>_masked`, weighted by q; nothing before the teacher begins."""
        whole = domains[self.domain]
        pseudo = self.label(whole)
        if pseudo is None:
            return {}
        labels, trust = pseudo
        images = self.colors(whole.unit_images, self.segmentor.red_first)
        # which is 0 in a normalized image
        mean = whole.to_unit_range(whole.inputs.new_zeros(1, 3, 1, 1))
        hidden = self.mask(labels)
        return {
            f'{self.domain}_masked': DerivedDomain(
                torch.where(hidden[:, None], mean, images), labels, trust.expand(labels.shape)
            )
        }

    def mask(self, like: Tensor) -> Tensor:
        """Draw a mask of the pixels in hidden blocks, (N, H, W), for labels of that shape."""
        height, width = like.shape[1:]
        block = self.block or max(1, round(max(height, width) / 16))
        rows, columns = -(-height // block), -(-width // block)
        hidden = torch.rand(len(like), rows, columns, device=like.device) < self.ratio
        hidden = hidden.repeat_interleave(block, dim=1).repeat_interleave(block, dim=2)
        return hidden[:, :height, :width]
