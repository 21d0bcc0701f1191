from __future__ import annotations

from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_joint.errors import JointError
from mmseg_joint.models.losses.class_features import ABSENT, class_features, downsample_labels
from mmseg_joint.models.losses.cross_entropies import global_cross_entropy
from mmseg_joint.models.precision import full_precision
from mmseg_joint.utils.numbers import check_share

from .base import Objective, ObjectiveResult, call_frozen
from .domains import DomainOutput
from .segmentor_handle import SegmentorHandle
from .teacher import Teacher


@MODELS.register_module()
class SemanticAdversarial(Objective):
    """Aligns the features of each class across two labeled domains: FCSA and CSA.

    "Alleviating Semantic-level Shift: A Semi-supervised Domain Adaptation Method for Semantic
    Segmentation" (Wang et al., CVPRW 2020), Eq. 4-8. D_s learns to tell class and domain; source
    features of class k are trained to be classified as "target, class k". FCSA uses one average
    vector for each class of an image, CSA every labeled position of the feature map (A8).

    Args:
        num_classes: Number of classes C; the model fills it in.
        discriminator: Config of :class:`SemanticDiscriminator`; its `mode` chooses FCSA (`'fc'`)
            or CSA (`'conv'`), and its `in_channels` are those of the features.
        weight: λ_sadv.
        discriminator_weight: λ_sd, half for each domain (A3).
        feature_index: Which of the backbone's outputs is aligned: the input of the classifier (A4).
        target: The domain used as the target; it needs labels.
        teacher: Name of a :class:`Teacher` in `model.objectives`. Once it has begun, features of
            `unlabeled` images join the target's, where it is confident of their class.
            This is not in the paper.
        unlabeled: The domain that the teacher labels.
        threshold: Probability from which the teacher counts as confident, in [0, 1].
        ignore_index: Label of pixels without a class; the model fills it in.

    Raises:
        JointError: When the target is unlabeled, when there is no teacher of that name, or when
            the images that it labels differ in size from the target's.
    """

    gradient_domains = ('source',)  # whose features get the adversarial loss

    def __init__(
        self,
        num_classes: int,
        discriminator: dict[str, Any],
        weight: float = 0.01,
        discriminator_weight: float = 1.0,
        feature_index: int = -1,
        target: str = 'target',
        teacher: str | None = None,
        unlabeled: str = 'unlabeled',
        threshold: float = 0.968,
        segmentor: SegmentorHandle | None = None,
        ignore_index: int = 255,
    ) -> None:
        super().__init__()
        if target == 'unlabeled':
            raise JointError(
                'SemanticAdversarial.target is "unlabeled", but each class is aligned by its '
                'labels: name a labeled domain.'
            )
        check_share('SemanticAdversarial.threshold', threshold)
        self.domains = ('source', target, *([unlabeled] if teacher else []))
        self.teacher = teacher
        self.unlabeled = unlabeled
        self.threshold = threshold
        self.segmentor = segmentor
        self.ignore_index = ignore_index
        self.target = target
        self.num_classes = num_classes
        self.weight = weight
        self.discriminator_weight = discriminator_weight
        self.feature_index = feature_index
        self.discriminator = MODELS.build(
            {'type': 'SemanticDiscriminator', 'num_classes': num_classes, **discriminator}
        )

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Compute Eq. 5 or 7 for the segmentor, Eq. 6 or 8 for D_s, and D_s's accuracy."""
        source, source_classes = self._samples(outputs['source'], outputs['source'].truth)
        target, target_classes = self._samples(outputs[self.target], outputs[self.target].truth)
        teacher = self._active_teacher()
        if teacher is not None:
            confidence, labels = teacher.label(outputs[self.unlabeled])
            labels = labels.where(confidence >= self.threshold, self.ignore_index)
            features, classes = self._samples(outputs[self.unlabeled], labels)
            if features.shape[1:] != target.shape[1:]:
                raise JointError(
                    f'SemanticAdversarial joins "{self.target}" and "{self.unlabeled}", whose '
                    'images differ in size: crop both to one size in their pipelines.'
                )
            target = torch.cat([target, features])
            target_classes = torch.cat([target_classes, classes])
        as_target = _shifted(source_classes, self.num_classes)
        adv_loss = global_cross_entropy(call_frozen(self.discriminator, source), as_target, ABSENT)
        of_source = self.discriminator(source.detach())
        of_target = self.discriminator(target.detach())
        truth = _shifted(target_classes, self.num_classes)
        d_loss = global_cross_entropy(of_source, source_classes, ABSENT)
        d_loss = d_loss + global_cross_entropy(of_target, truth, ABSENT)
        return ObjectiveResult(
            {
                'loss_adversarial': self.weight * adv_loss,
                'loss_discriminator': 0.5 * self.discriminator_weight * d_loss,
                'accuracy_source': _accuracy(of_source, source_classes),
                'accuracy_target': _accuracy(of_target, truth),
            }
        )

    def visualize(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """Return how much D_s takes each position for the target's; nothing for FCSA's vectors."""
        if self.discriminator.mode == 'fc':
            return {}
        found = {}
        for domain in ('source', self.target):
            d_logits = self.discriminator(outputs[domain].features[self.feature_index])
            shares = full_precision(d_logits).softmax(dim=1)
            found[domain] = {'D says target': shares[:, self.num_classes :].sum(dim=1)}
        return found

    def _active_teacher(self) -> Teacher | None:
        if self.teacher is None or self.segmentor is None:
            return None
        key = 'SemanticAdversarial.teacher'
        teacher = self.segmentor.objective(self.teacher, Teacher, key)
        return teacher if teacher.active else None

    def _samples(self, output: DomainOutput, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return features for D_s and the class of each."""
        features = output.features[self.feature_index]
        labels = downsample_labels(labels, features.shape[2:])
        known = (labels >= 0) & (labels < self.num_classes) & (labels != self.ignore_index)
        labels = labels.where(known, ABSENT)
        if self.discriminator.mode == 'fc':
            return class_features(full_precision(features), labels, self.num_classes)
        return features, labels


def _shifted(classes: Tensor, num_classes: int) -> Tensor:
    return torch.where(classes == ABSENT, ABSENT, classes + num_classes)


@torch.no_grad()
def _accuracy(d_logits: Tensor, classes: Tensor) -> Tensor:
    known = classes != ABSENT
    right = (d_logits.argmax(dim=1) == classes) & known
    return right.sum().double() / known.sum().clamp(min=1)
