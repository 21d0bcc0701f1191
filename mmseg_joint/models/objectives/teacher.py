from __future__ import annotations

from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_joint.errors import JointError

from .base import Objective, ObjectiveResult
from .domains import DomainInput, DomainOutput
from .segmentor_handle import SegmentorHandle


@MODELS.register_module()
class Teacher(Objective):
    """An average of the segmentor over its optimizer steps, which labels images for others.

    "Mean teachers are better role models" (Tarvainen and Valpola, NeurIPS 2017). After optimizer
    step t, counted from `start`, θ' ← a θ' + (1 - a) θ with a = min(1 - 1/(t + 1), α), so that it
    begins as a copy of the segmentor; running averages of batch norms are averaged alike. It labels
    as it is tested: without dropout. It adds no loss of its own: others name it, as
    `ClassMix(teacher='teacher')` does, and share one forward for each domain of a step.

    Args:
        segmentor: The segmentor; the model fills it in.
        alpha: α, in [0, 1): .999 (DAFormer, MIC), or .99 (DACS; below 5,000 steps).
        start: Optimizer steps before it begins. Until then nothing is labeled (burn-in).
        init_cfg: mmengine's initialization config.

    Raises:
        JointError: When `alpha` or `start` is out of range.
    """

    domains = ()
    steps: Tensor

    def __init__(
        self,
        segmentor: SegmentorHandle,
        alpha: float = 0.999,
        start: int = 0,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not 0 <= alpha < 1:
            raise JointError(f'Teacher.alpha is {alpha}: choose at least 0 and below 1.')
        if not isinstance(start, int) or start < 0:
            raise JointError(f'Teacher.start is {start!r}: give a number of steps from 0.')
        self.segmentor = segmentor
        self.alpha = alpha
        self.start = start
        self.average = segmentor.copy()
        self.register_buffer('steps', torch.tensor(0))
        self._count: int | None = None  # of `steps`, which only a waiting host could read

    @property
    def active(self) -> bool:
        """Whether the burn-in is over."""
        return self._steps_done() >= self.start

    def scores(self, domain: DomainInput) -> Tensor:
        """Score a domain's images, once a step for all who ask.

        Args:
            domain: One that :meth:`Objective.derive` was given.

        Returns:
            Scores at image size without a graph, (N, C, H, W).
        """
        if self not in domain.shared:
            if self._steps_done() == self.start == 0:
                self._follow(0.0)  # no step has made it a copy yet
            domain.shared[self] = self.average.segment(domain.inputs, evaluate=True)[1]
        return domain.shared[self]

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Nothing: whom it labels for has the losses.

        Args:
            outputs: Not read.

        Returns:
            No losses.
        """
        return ObjectiveResult({})

    def after_optimizer_step(self) -> None:
        """Move the average towards the segmentor."""
        count = self._steps_done() + 1
        self.steps += 1
        self._count = count
        if count >= self.start:
            self._follow(min(1 - 1 / (count - self.start + 1), self.alpha))

    @torch.no_grad()
    def _follow(self, momentum: float) -> None:
        current = self.segmentor.state()
        floats: tuple[list[Tensor], list[Tensor]] = ([], [])
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                floats[0].append(value)
                floats[1].append(current[name])
            else:
                value.copy_(current[name])
        torch._foreach_lerp_(*floats, 1 - momentum)

    def _steps_done(self) -> int:
        if self._count is None:
            self._count = int(self.steps)
        return self._count

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._count = None
