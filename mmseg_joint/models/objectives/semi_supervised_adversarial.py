from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_joint.errors import JointError
from mmseg_joint.models.losses.cross_entropies import global_cross_entropy
from mmseg_joint.models.losses.global_mean import global_mean
from mmseg_joint.models.precision import full_precision
from mmseg_joint.utils.numbers import check_share

from .base import Objective, ObjectiveResult, call_frozen
from .domains import DomainOutput
from .output_adversarial import DISCRIMINATOR

# D's labels
PREDICTION, TRUTH = 0.0, 1.0
NO_LABEL = -1  # pseudo-label of a pixel that D does not trust


@MODELS.register_module()
class SemiSupervisedAdversarial(Objective):
    """Learns from predictions on unlabeled images that a discriminator takes for ground truth.

    "Adversarial Learning for Semi-Supervised Semantic Segmentation" (Hung et al., BMVC 2018), Eq.
    1, 4 and 5. At every pixel D tells predictions from one-hot ground truth. Predictions on labeled
    and unlabeled images are trained to be classified as ground truth; after some thousand steps,
    unlabeled pixels where they pass for it are trained with their own most probable class.

    Args:
        num_classes: Number of classes C; the model fills it in.
        weight: λ_adv on labeled images.
        unlabeled_weight: λ_adv on unlabeled images.
        self_training_weight: λ_semi.
        threshold: T_semi, the least probability of ground truth that D must give, in [0, 1].
        start: Steps, counted in iterations, after which self-training begins (B14).
        adversarial_start: Steps after which unlabeled predictions get the adversarial loss (B13).
        discriminator_weight: Weight of D's loss, half for predictions, half for ground truth.
        judge_unlabeled: Whether D is trained on predictions of unlabeled images too (B12).
        labeled: The domain with ground truth.
        unlabeled: The domain without; its labels, if any, are not read.
        align_corners: For the enlargement of D's map to the image's size.
        discriminator: What differs from AdaptSegNet's D.
        ignore_index: Label of pixels without a class; the model fills it in.

    Raises:
        JointError: When the threshold is not a probability, or the labeled domain has no labels.
    """

    step: Tensor

    def __init__(
        self,
        num_classes: int,
        weight: float = 0.01,
        unlabeled_weight: float = 0.001,
        self_training_weight: float = 0.1,
        threshold: float = 0.2,
        start: int = 5000,
        adversarial_start: int = 0,
        discriminator_weight: float = 1.0,
        judge_unlabeled: bool = True,
        labeled: str = 'target',
        unlabeled: str = 'unlabeled',
        align_corners: bool = True,
        discriminator: dict[str, Any] | None = None,
        ignore_index: int = 255,
    ) -> None:
        super().__init__()
        check_share('SemiSupervisedAdversarial.threshold', threshold)
        if labeled in ('unlabeled', unlabeled):
            raise JointError(
                f'SemiSupervisedAdversarial.labeled is "{labeled}": name a labeled domain other '
                'than SemiSupervisedAdversarial.unlabeled.'
            )
        self.domains = (labeled, unlabeled)
        self.num_classes = num_classes
        self.weight = weight
        self.unlabeled_weight = unlabeled_weight
        self.self_training_weight = self_training_weight
        self.threshold = threshold
        self.start = start
        self.adversarial_start = adversarial_start
        self.discriminator_weight = discriminator_weight
        self.judge_unlabeled = judge_unlabeled
        self.align_corners = align_corners
        self.ignore_index = ignore_index
        config = {**DISCRIMINATOR, 'in_channels': num_classes, **(discriminator or {})}
        self.discriminator = MODELS.build(config)
        # a buffer, so that a resumed run goes on counting; every process has the same count
        self.register_buffer('step', torch.zeros((), dtype=torch.long))

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Compute the segmentor's adversarial and self-training losses, and D's loss.

        The share of unlabeled pixels that D trusts, and D's accuracy, are logged.
        """
        labeled, unlabeled = (outputs[domain] for domain in self.domains)
        maps = full_precision(labeled.logits).softmax(dim=1)
        unlabeled_maps = full_precision(unlabeled.logits).softmax(dim=1)
        known = labeled.truth != self.ignore_index
        within = unlabeled.within_image
        # compared on the device: the host would have to wait to know the step
        adversarial, trains = self.step >= self.adversarial_start, self.step >= self.start
        self.step += self.training

        adv_logits = self._enlarge(call_frozen(self.discriminator, maps), maps)
        d_logits = self._enlarge(call_frozen(self.discriminator, unlabeled_maps), unlabeled_maps)
        adv_unlabeled = adversarial * _mean_loss(TRUTH, (d_logits, within))
        trusted = (d_logits.detach().sigmoid() >= self.threshold) & within
        pseudo = unlabeled.logits.detach().argmax(dim=1).masked_fill(~(trusted & trains), NO_LABEL)
        self_training = global_cross_entropy(unlabeled.logits, pseudo, NO_LABEL)
        losses = {
            'loss_adversarial': self.weight * _mean_loss(TRUTH, (adv_logits, known)),
            'loss_adversarial_unlabeled': self.unlabeled_weight * adv_unlabeled,
            'loss_self_training': self.self_training_weight * self_training,
            'trusted_share': _share([(trusted, within)]),
        }
        predictions = [(self._classify(maps), known)]
        if self.judge_unlabeled:
            predictions.append((self._classify(unlabeled_maps), within))
        classes = torch.arange(self.num_classes, device=known.device).view(1, -1, 1, 1)
        one_hot = (labeled.truth[:, None] == classes) & known[:, None]  # 0 without a class
        of_truth = self._classify(one_hot.to(maps))
        d_loss = _mean_loss(PREDICTION, *predictions) + _mean_loss(TRUTH, (of_truth, known))
        right = [(d_logits < 0, valid) for d_logits, valid in predictions]
        losses['loss_discriminator'] = 0.5 * self.discriminator_weight * d_loss
        losses['accuracy_prediction'] = _share(right)
        losses['accuracy_truth'] = _share([(of_truth >= 0, known)])
        return ObjectiveResult(losses)

    def visualize(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """Return how much D takes predictions for ground truth, and the resulting pseudo-labels."""
        labeled, unlabeled = (outputs[domain].probabilities for domain in self.domains)
        truth = [self._classify(maps).sigmoid() for maps in (labeled, unlabeled)]
        trusted = (truth[1] >= self.threshold) & outputs[self.domains[1]].within_image
        pseudo = unlabeled.argmax(dim=1).masked_fill(~trusted, NO_LABEL)
        return {
            self.domains[0]: {'D says truth': truth[0]},
            self.domains[1]: {'D says truth': truth[1], 'pseudo-label': pseudo},
        }

    def _classify(self, maps: Tensor) -> Tensor:
        return self._enlarge(self.discriminator(maps.detach()), maps)

    def _enlarge(self, d_logits: Tensor, maps: Tensor) -> Tensor:
        size, corners = maps.shape[2:], self.align_corners
        d_logits = full_precision(d_logits)
        return F.interpolate(d_logits, size, mode='bilinear', align_corners=corners).squeeze(1)


def _mean_loss(label: float, *d_logits: tuple[Tensor, Tensor]) -> Tensor:
    """Cross-entropy of logits (N, H, W): mean over all processes' valid pixels; 0 if none."""
    total, count = [], []
    for scores, valid in d_logits:
        target = torch.full_like(scores, label)
        losses = F.binary_cross_entropy_with_logits(scores, target, reduction='none')
        total.append((losses * valid).sum())
        count.append(valid.sum())
    return global_mean(torch.stack(total).sum(), torch.stack(count).sum())


def _share(right: list[tuple[Tensor, Tensor]]) -> Tensor:
    total: Any = sum((hit & valid).sum() for hit, valid in right)
    count: Any = sum(valid.sum() for _, valid in right)
    return total.double() / count.clamp(min=1)
