from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_joint.models.losses.global_mean import global_mean
from mmseg_joint.models.precision import full_precision
from mmseg_joint.utils.numbers import check_choice

from .base import Objective, ObjectiveResult
from .domains import DomainOutput

FORMS: dict[str, Callable[[Tensor], Tensor]] = {
    'squared': lambda u: (1 - u).square(),
    'absolute': lambda u: (1 - u).abs(),
}


@MODELS.register_module()
class ConservativeLoss(Objective):
    """Keeps a network from being too confident on the source, or too wrong.

    "Penalizing Top Performers: Conservative Loss for Semantic Segmentation Adaptation" (Zhu et al.,
    ECCV 2018), after its abstract, details ours (C1-C4): with u = -ln p of a pixel's true class,
    the loss is λ (1 - u)², minimal at p = 1/e; with the cross-entropy added, a pixel settles at
    p = exp(-(1 - 1/(2λ))). Its second half is :class:`CrossDomainGAN`.

    Args:
        weight: λ.
        form: `'squared'`, or `'absolute'` for `λ |1 - u|`.
        domain: The domain whose images it uses.
        ignore_index: Label of pixels without a class; the model fills it in.

    Raises:
        JointError: When `form` is unknown.
    """

    def __init__(
        self,
        weight: float = 5.0,
        form: str = 'squared',
        domain: str = 'source',
        ignore_index: int = 255,
    ) -> None:
        super().__init__()
        check_choice('ConservativeLoss.form', form, FORMS)
        self.domains = (domain,)
        self.weight = weight
        self.form = form
        self.ignore_index = ignore_index

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Compute `loss_conservative`, the mean over the labeled pixels of all processes."""
        output = outputs[self.domains[0]]
        labels = output.truth
        u = F.cross_entropy(
            full_precision(output.logits), labels, ignore_index=self.ignore_index, reduction='none'
        )
        known = labels != self.ignore_index
        total = (FORMS[self.form](u) * known).sum()
        return ObjectiveResult({'loss_conservative': self.weight * global_mean(total, known.sum())})
