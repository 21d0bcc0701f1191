from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_joint.models.losses.class_features import downsample_labels
from mmseg_joint.models.losses.cross_entropies import global_cross_entropy
from mmseg_joint.models.precision import full_precision

from .base import Objective, ObjectiveResult, call_frozen
from .domains import DomainOutput

# the kinds of images that D tells apart
SOURCE, SOURCE_DRAWN, TARGET, TARGET_DRAWN = range(4)


@MODELS.register_module()
class LearningFromSyntheticData(Objective):
    """Makes images generated from either domain's features pass for the other's: LSD-seg.

    "Learning from Synthetic Data: Addressing Domain Shift for Semantic Segmentation"
    (Sankaranarayanan, Balaji, Jain, Lim and Chellappa, CVPR 2018), after its public code; the table
    of HRS calls it Swami et al. With ŝ and t̂ the images that G generates from the features of s and
    t, d and c the two heads of D, and y the source's labels at D's size:

    - L_D = CE(d(s), 0) + CE(d(ŝ), 1) + CE(d(t), 2) + CE(d(t̂), 3) + CE(c(s), y)
    - `L_G = CE(c(ŝ), y) + .1 [CE(d(ŝ), 0) + CE(d(t̂), 2)] + |ŝ - s| + |t̂ - t|`
    - L_F = CE(seg(s), y) + .1 [CE(d(ŝ), 2) + CE(d(t̂), 0)] + .1 CE(c(ŝ), y)

    Each trains its own network. The public code sums cross-entropies and takes the mean of
    distances; here all are means, hence the weights (L2).

    Args:
        num_classes: Number of classes C; the model fills it in.
        generator: What differs from the paper's :class:`LSDGenerator`.
        discriminator: What differs from the paper's :class:`LSDDiscriminator`.
        feature_indices: Which of the backbone's outputs G reads: the finest, middle and deepest.
        encoder_domain_weight: Weight of F's CE(d(ŝ), 2) + CE(d(t̂), 0).
        encoder_class_weight: Weight of F's CE(c(ŝ), y).
        generator_class_weight: Weight of G's CE(c(ŝ), y).
        generator_domain_weight: Weight of G's CE(d(ŝ), 0) + CE(d(t̂), 2).
        reconstruction_weight: Weight of `|ŝ - s| + |t̂ - t|`: 1 over the positions of D's map.
        target: The domain used as the target; its labels, if any, are not read.
        ignore_index: Label of pixels without a class; the model fills it in.
    """

    def __init__(
        self,
        num_classes: int,
        generator: dict[str, Any] | None = None,
        discriminator: dict[str, Any] | None = None,
        feature_indices: Sequence[int] = (1, 2, 4),
        encoder_domain_weight: float = 0.1 / 64,
        encoder_class_weight: float = 0.1 / 64,
        generator_class_weight: float = 1.0,
        generator_domain_weight: float = 0.1,
        reconstruction_weight: float = 1 / 8192,
        target: str = 'unlabeled',
        ignore_index: int = 255,
    ) -> None:
        super().__init__()
        self.generator = MODELS.build({'type': 'LSDGenerator', **(generator or {})})
        self.discriminator = MODELS.build(
            {'type': 'LSDDiscriminator', 'num_classes': num_classes, **(discriminator or {})}
        )
        self.feature_indices = tuple(feature_indices)
        self.encoder_domain_weight = encoder_domain_weight
        self.encoder_class_weight = encoder_class_weight
        self.generator_class_weight = generator_class_weight
        self.generator_domain_weight = generator_domain_weight
        self.reconstruction_weight = reconstruction_weight
        self.target = target
        self.domains = ('source', target)
        self.ignore_index = ignore_index

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Compute F's losses besides its supervised one, those of G and D, and D's accuracy."""
        source, target = outputs['source'], outputs[self.target]
        images = {'s': _unit(source), 't': _unit(target)}
        drawn = {'s': self._draw(source), 't': self._draw(target)}
        return ObjectiveResult(
            {
                **self._encoder(source, target),
                **self._generator(drawn, images, source.truth),
                **self._discriminator(drawn, images, source.truth),
            }
        )

    def visualize(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """Return the generated images, and where D takes them and the real ones for real."""
        found = {}
        for domain, kind in (('source', SOURCE), (self.target, TARGET)):
            output = outputs[domain]
            drawn = self._draw(output)
            found[domain] = {'reconstructed': 2 * drawn - 1}
            for title, image in (('reconstructed', drawn), ('image', _unit(output))):
                kinds = full_precision(self.discriminator(image)[0]).softmax(dim=1)
                found[domain][f'D says {domain}: {title}'] = kinds[:, kind]
        return found

    def _features(self, output: DomainOutput) -> list[Tensor]:
        return [output.features[index] for index in self.feature_indices]

    def _draw(self, output: DomainOutput) -> Tensor:
        features = [feature.detach() for feature in self._features(output)]
        return full_precision(self.generator(features, output.inputs.shape[-2:]))

    def _encoder(self, source: DomainOutput, target: DomainOutput) -> dict[str, Tensor]:
        d_logits = []
        for output in (source, target):
            features, size = self._features(output), output.inputs.shape[-2:]
            drawn = full_precision(call_frozen(self.generator, features, size))
            d_logits.append(call_frozen(self.discriminator, drawn))
        (kind, classes), (other_kind, _) = d_logits
        crossed = _kind_loss(kind, TARGET) + _kind_loss(other_kind, SOURCE)
        class_loss = self._class_loss(classes, source.truth)
        return {
            'loss_encoder_domain': self.encoder_domain_weight * crossed,
            'loss_encoder_class': self.encoder_class_weight * class_loss,
        }

    def _generator(
        self, drawn: dict[str, Tensor], images: dict[str, Tensor], labels: Tensor
    ) -> dict[str, Tensor]:
        kind, classes = call_frozen(self.discriminator, drawn['s'])
        other_kind, _ = call_frozen(self.discriminator, drawn['t'])
        real = _kind_loss(kind, SOURCE) + _kind_loss(other_kind, TARGET)
        distance = F.l1_loss(drawn['s'], images['s']) + F.l1_loss(drawn['t'], images['t'])
        return {
            'loss_generator_class': self.generator_class_weight * self._class_loss(classes, labels),
            'loss_generator_domain': self.generator_domain_weight * real,
            'loss_reconstruction': self.reconstruction_weight * distance,
        }

    def _discriminator(
        self, drawn: dict[str, Tensor], images: dict[str, Tensor], labels: Tensor
    ) -> dict[str, Tensor]:
        seen = {
            SOURCE: images['s'],
            SOURCE_DRAWN: drawn['s'].detach(),
            TARGET: images['t'],
            TARGET_DRAWN: drawn['t'].detach(),
        }
        d_logits = {kind: self.discriminator(image) for kind, image in seen.items()}
        losses = [_kind_loss(logits, kind) for kind, (logits, _) in d_logits.items()]
        right = [(logits.argmax(dim=1) == kind).double() for kind, (logits, _) in d_logits.items()]
        return {
            'loss_discriminator': torch.stack(losses).sum(),
            'loss_discriminator_class': self._class_loss(d_logits[SOURCE][1], labels),
            'accuracy_kind': torch.stack([hits.mean() for hits in right]).mean(),
        }

    def _class_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy with labels at the map's size: mean over all processes' labels."""
        small = downsample_labels(labels, logits.shape[2:])
        return global_cross_entropy(logits, small, self.ignore_index)


def _unit(output: DomainOutput) -> Tensor:
    """Return the images in [0, 1]."""
    return (output.unit_images + 1) / 2


def _kind_loss(logits: Tensor, kind: int) -> Tensor:
    logits = full_precision(logits)
    return -logits.log_softmax(dim=1)[:, kind].mean()
