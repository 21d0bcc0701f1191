from __future__ import annotations

from typing import Any

import torch
from mmengine.dist import all_reduce
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_joint.errors import JointError
from mmseg_joint.models.losses.global_mean import mean_of_all_ranks
from mmseg_joint.models.precision import full_precision
from mmseg_joint.utils.numbers import check_choice, check_share, check_whole

from .base import Objective, ObjectiveResult
from .domains import DerivedDomain, DomainInput, DomainOutput
from .segmentor_handle import SegmentorHandle


@MODELS.register_module()
class Teacher(Objective):
    """An average of the segmentor over its optimizer steps, which labels images for objectives.

    "Mean teachers are better role models" (Tarvainen and Valpola, NeurIPS 2017). After optimizer
    step t, counted from `start`, θ' ← a θ' + (1 - a) θ with a = min(1 - 1/(t + 1), α), so that it
    begins as a copy of the segmentor; batch norms' running averages are averaged alike. It labels
    as at test time, without dropout. It adds no loss of its own: other objectives name it, as
    `ClassMix(teacher='teacher')` does, and share one forward for each domain of a step.

    A teacher trained on few labels, most of them of large objects, labels small objects too rarely,
    and its student ever more rarely. "Debiased Learning from Naturally Imbalanced Pseudo-Labels"
    (Wang et al., CVPR 2022) removes part of this bias: scores s become s - λ log p̂, with p̂ the
    average of each class's probability over the images that it labels, p̂ ← α p̂ + (1 - α) p,
    starting from equal shares. Its confidence is computed from these scores too.

    If no real image is labeled, nothing keeps this in check: each round makes the classes more
    equal. With `prior`, labels are pulled toward the class shares q of a labeled domain instead,
    as in "ReMixMatch" (Berthelot et al., ICLR 2020): s - λ (log p̂ - γ log q). q is averaged over
    the labels of each step, from the first on, and both are plain means at first, until averaging
    with α is slower.

    Args:
        segmentor: The segmentor; the model fills it in.
        num_classes: Number of classes; the model fills it in.
        alpha: α, in [0, 1): .999 (DAFormer, MIC), or .99 (DACS; below 5,000 steps).
        start: Optimizer steps before it begins. Until then nothing is labeled (burn-in).
        evaluate: Which of the two is validated, tested and exported, `'student'` or `'teacher'`.
            The student's weights have mmseg's names in the checkpoint either way.
        debias: λ, in [0, 1]: 0 leaves its labels as they are, .4 or .5 in public code. Predictions
            at test time are not affected.
        prior: Labeled domain whose class shares serve as q; None for equal ones.
        prior_power: γ, in [0, 1]: 1 aims at the labels' own shares, as ReMixMatch, 0 at equal ones.
        ignore_index: Label that counts for no class of `prior`; the model fills it in.

    Raises:
        JointError: When `alpha`, `start`, `evaluate`, `debias` or `prior_power` is out of range, or
            there is a `prior` without `debias`.
    """

    domains: tuple[str, ...] = ()
    output_domains = ()
    steps: Tensor
    class_shares: Tensor
    prior_shares: Tensor

    def __init__(
        self,
        segmentor: SegmentorHandle,
        num_classes: int,
        alpha: float = 0.999,
        start: int = 0,
        evaluate: str = 'student',
        debias: float = 0.0,
        prior: str | None = None,
        prior_power: float = 1.0,
        ignore_index: int = 255,
    ) -> None:
        super().__init__()
        if not 0 <= alpha < 1:
            raise JointError(f'Teacher.alpha is {alpha}: choose at least 0 and below 1.')
        check_whole('Teacher.start', start, least=0)
        check_choice('Teacher.evaluate', evaluate, ('student', 'teacher'))
        check_share('Teacher.debias', debias)
        check_share('Teacher.prior_power', prior_power)
        if prior and not debias:
            raise JointError(
                f'Teacher.prior is {prior!r}, which debias=0 leaves unused: set debias above 0, or '
                'leave prior out.'
            )
        self.segmentor = segmentor
        self.alpha = alpha
        self.evaluate = evaluate
        self.start = start
        self.debias = debias
        self.prior = prior
        self.prior_power = prior_power
        self.ignore_index = ignore_index
        equal = torch.full((num_classes,), 1 / num_classes)
        if debias:
            self.register_buffer('class_shares', equal)
        if prior:
            self.domains = (prior,)
            self.register_buffer('prior_shares', equal.clone())
        self.average = segmentor.copy()
        self.register_buffer('steps', torch.tensor(0))
        self._count: int | None = None  # of `steps`, so that the host need not wait for it

    @property
    def active(self) -> bool:
        """Whether the burn-in is over."""
        return self._steps_done() >= self.start

    @property
    def evaluated(self) -> nn.Module | None:
        """The average, if it is to be tested in the segmentor's place and has begun."""
        return self.average if self.evaluate == 'teacher' and self.active else None

    def derive(self, domains: dict[str, DomainInput]) -> dict[str, DerivedDomain]:
        """Make no domain, but count the labels of `prior`."""
        if self.prior and self.training:
            labels, classes = domains[self.prior].truth.flatten().long(), len(self.prior_shares)
            known = (labels >= 0) & (labels < classes) & (labels != self.ignore_index)
            counts = labels.new_zeros(classes + 1)  # the last: ignored
            counts.scatter_add_(0, torch.where(known, labels, classes), torch.ones_like(labels))
            all_reduce(counts)
            total = counts[:-1].sum()
            found = torch.where(total > 0, counts[:-1] / total.clamp(min=1), self.prior_shares)
            kept = min(1 - 1 / (self._steps_done() + 2), self.alpha)  # equal shares count as a step
            self.prior_shares.lerp_(found.to(self.prior_shares), 1 - kept)
        return {}

    def label(self, domain: DomainInput) -> tuple[Tensor, Tensor]:
        """Label a domain's images, once per step for all objectives that ask.

        Returns:
            The probability of each pixel's most probable class, and that class, (N, H, W); 0 and
            the ignore index for padding.
        """
        if self not in domain.shared:
            if self._steps_done() == self.start == 0:
                self._follow(0.0)  # no step has made the average a copy yet
            with torch.inference_mode():
                scores = self.average.segment(domain.inputs, evaluate=True)[1]
                scores = full_precision(scores)
                if self.debias:
                    scores = self._debiased(scores, domain.padding)
                found = scores.softmax(dim=1).max(dim=1)
            # ordinary tensors again, because the backward keeps weights
            confidence, labels = found[0].clone(), found[1].clone()
            if domain.padding is not None:
                confidence.masked_fill_(domain.padding, 0)
                labels.masked_fill_(domain.padding, self.ignore_index)
            domain.shared[self] = confidence, labels
        return domain.shared[self]

    def _debiased(self, scores: Tensor, padding: Tensor | None) -> Tensor:
        if self.training:  # not while a batch is inspected
            shares = scores.softmax(dim=1)
            if padding is not None:
                shares = shares.masked_fill(padding[:, None], 0) / (~padding).double().mean()
            found = shares.mean(dim=(0, 2, 3)).to(self.class_shares)
            all_reduce(found, op='mean')
            kept = self._momentum(self._steps_done()) if self.prior else self.alpha
            self.class_shares.lerp_(found, 1 - kept)
        offset = _logarithm(self.class_shares)
        if self.prior:
            offset = offset - self.prior_power * _logarithm(self.prior_shares)
        return scores - self.debias * offset.view(-1, 1, 1)

    def trust(self, domain: DomainInput, threshold: float, over: str) -> Tensor:
        """Measure the share of pixels on which the teacher is confident (DACS's q).

        Args:
            domain: As in :meth:`label`.
            threshold: Probability from which it counts as confident.
            over: `'image'`: the share of each image's pixels, without padding; `'batch'`: of all
                images of the step, over all processes, as in public code for one process;
                `'pixel'`: whether it is confident at a pixel.

        Returns:
            The share in [0, 1], (N, 1, 1) or (1, 1, 1), or 0 and 1, (N, H, W).
        """
        confidence, _ = self.label(domain)
        within = domain.within_image
        confident = (confidence >= threshold) & within
        if over == 'pixel':
            return confident.to(confidence)
        hits, counts = (mask.sum(dim=(1, 2), keepdim=True) for mask in (confident, within))
        if over == 'image':
            return hits.to(confidence) / counts.clamp(min=1)
        total, count = hits.sum().to(confidence), counts.sum()
        if not self.training:  # a batch is inspected, in one process alone
            return (total / count.clamp(min=1)).view(1, 1, 1)
        return mean_of_all_ranks(total, count).view(1, 1, 1)

    def visualize(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """Return its labels of unlabeled images, and its confidence."""
        if not self.active:
            return {}
        labeled = {d: self.label(o) for d, o in outputs.items() if o.labels is None}
        return {
            domain: {'pseudo-label': labels, 'confidence': confidence}
            for domain, (confidence, labels) in labeled.items()
        }

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Log `momentum`, the a of its next step.

        The losses belong to the objectives that use its labels.
        """
        momentum = self._momentum(self._steps_done() + 1)
        return ObjectiveResult({'momentum': torch.full((), momentum, device=self.steps.device)})

    def before_train(self) -> None:
        """Begin with the burn-in and equal class shares, whichever run the weights are from."""
        self.steps.zero_()
        self._count = 0
        if not self.start:
            self._follow(0.0)  # the copy it begins as, even if nothing asks for labels
        if self.debias:
            self.class_shares.fill_(1 / len(self.class_shares))
        if self.prior:
            self.prior_shares.fill_(1 / len(self.prior_shares))

    def after_optimizer_step(self) -> None:
        """Move the average towards the segmentor."""
        count = self._steps_done() + 1
        self.steps += 1
        self._count = count
        if count >= self.start:
            self._follow(self._momentum(count))

    def _momentum(self, count: int) -> float:
        """The a of a step, numbered from 1; 0 makes a copy."""
        since = count - self.start
        return min(1 - 1 / (since + 1), self.alpha) if since >= 0 else 0.0

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


def _logarithm(shares: Tensor) -> Tensor:
    return shares.clamp(min=torch.finfo(shares.dtype).tiny).log()
