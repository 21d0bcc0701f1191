from __future__ import annotations

from torch import Tensor

from .base import Objective, ObjectiveResult
from .domains import DomainOutput
from .segmentor_handle import SegmentorHandle
from .teacher import Teacher


class SelfTraining(Objective):
    """Base of the objectives that train on images which a :class:`Teacher` labels.

    A subclass makes them in :meth:`derive`, which begins with :meth:`find_teacher`; their ordinary
    supervised losses do the rest.

    Args:
        segmentor: The segmentor; the model fills it in.
        teacher: Name of the :class:`Teacher` in `model.objectives`.
    """

    output_domains = ()
    weighs_pixels = True

    def __init__(self, segmentor: SegmentorHandle, teacher: str) -> None:
        super().__init__()
        self.segmentor = segmentor
        self.teacher = teacher
        self._log: dict[str, Tensor] = {}

    def find_teacher(self) -> Teacher | None:
        """Find the teacher, and forget what was logged of the step before; None before it begins.

        Raises:
            JointError: When there is no teacher of that name.
        """
        self._log = {}
        key = f'{type(self).__name__}.teacher'
        teacher = self.segmentor.objective(self.teacher, Teacher, key)
        return teacher if teacher.active else None

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Log `trust`, the share of pixels of which the teacher was sure.

        The supervised loss of what was made trains the segmentor.
        """
        return ObjectiveResult(self._log)
