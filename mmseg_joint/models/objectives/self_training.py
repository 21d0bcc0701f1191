from __future__ import annotations

from typing import Any

from torch import Tensor

from mmseg_joint.models.photometry import ColorChange
from mmseg_joint.utils.numbers import check_choice, check_share

from .base import Objective, ObjectiveResult
from .domains import DomainInput, DomainOutput
from .segmentor_handle import SegmentorHandle
from .teacher import Teacher


class SelfTraining(Objective):
    """Base of the objectives that train on images labeled by a :class:`Teacher`.

    A subclass makes domains in :meth:`derive` from what :meth:`label` returns; their ordinary
    supervised losses do the rest. The arguments are those of :class:`ClassMix`.
    """

    output_domains = ()
    weighs_pixels = True

    def __init__(
        self,
        segmentor: SegmentorHandle,
        teacher: str,
        threshold: float,
        q_over: str,
        colors: dict[str, Any] | None,
        weight: float,
    ) -> None:
        super().__init__()
        self.name = type(self).__name__
        check_choice(f'{self.name}.q_over', q_over, ('pixel', 'image', 'batch'))
        check_share(f'{self.name}.threshold', threshold)
        self.segmentor = segmentor
        self.teacher = teacher
        self.threshold = threshold
        self.q_over = q_over
        self.colors = ColorChange(**(colors or {}))
        self.weight = weight
        self._log: dict[str, Tensor] = {}

    def label(self, domain: DomainInput) -> tuple[Tensor, Tensor] | None:
        """Label a domain's images by the teacher, and log `trust`, the share of confident pixels.

        Returns:
            Classes (N, H, W), and weights that broadcast to them; None before the teacher begins.

        Raises:
            JointError: When there is no teacher of that name.
        """
        self._log = {}
        teacher = self.segmentor.objective(self.teacher, Teacher, f'{self.name}.teacher')
        if not teacher.active:
            return None
        _, labels = teacher.label(domain)
        trust = teacher.trust(domain, self.threshold, self.q_over)
        self._log = {'trust': trust.mean()}
        return labels, self.weight * trust

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Log `trust`; the supervised losses on the new domains train the segmentor."""
        return ObjectiveResult(self._log)
