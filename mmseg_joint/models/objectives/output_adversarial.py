from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from mmengine.model import ModuleDict
from mmseg.registry import MODELS
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from mmseg_joint.models.losses.cross_entropies import gan_loss
from mmseg_joint.models.precision import full_precision
from mmseg_joint.utils.numbers import check_choice

from .base import Objective, ObjectiveResult, call_frozen, probability_map
from .domains import DomainOutput

# D's labels (A2)
SOURCE, TARGET = 0.0, 1.0
CRITERIA: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    'vanilla': binary_cross_entropy_with_logits,
    'ls': mse_loss,
}
# C-64-128-256-512-1, kernel 4, as in AdaptSegNet
DISCRIMINATOR = {
    'type': 'PatchDiscriminator',
    'channels': (64, 128, 256, 512),
    'kernel_size': 4,
    'negative_slope': 0.2,
}


@MODELS.register_module()
class OutputAdversarial(Objective):
    """Makes the score maps of two domains indistinguishable: GA, AdaptSegNet and AdvEnt.

    GA of "Alleviating Semantic-level Shift: A Semi-supervised Domain Adaptation Method for Semantic
    Segmentation" (Wang et al., CVPRW 2020), Eq. 2-3, trains source outputs to be classified as
    target (A1). "Learning to Adapt Structured Output Space for Semantic Segmentation" (Tsai et al.,
    CVPR 2018) trains target outputs to be classified as source, on one or two levels (A7). "ADVENT:
    Adversarial Entropy Minimization for Domain Adaptation in Semantic Segmentation" (Vu et al.,
    CVPR 2019) does so with maps of self-information.

    Args:
        num_classes: Number of classes C; the model fills it in.
        align: Domain whose outputs get the adversarial loss: `'source'` or `'target'`.
        input: What D sees: `'softmax'` or `'self_information'`, -p log2(p) / log2(C).
        gan: `'vanilla'` for cross-entropy or `'ls'` for squared distance.
        levels: 1 for the main head, 2 for the first auxiliary head too, with a D of its own.
        weight: λ_gadv, of the main level.
        auxiliary_weight: λ_gadv of the auxiliary level.
        discriminator_weight: λ_gd, of D's loss, half for each domain (A3).
        target: The domain used as the target.
        discriminator: What differs from AdaptSegNet's D.

    Raises:
        JointError: When a value is not one of those above.
    """

    def __init__(
        self,
        num_classes: int,
        align: str = 'source',
        input: str = 'softmax',
        gan: str = 'vanilla',
        levels: int = 1,
        weight: float = 0.001,
        auxiliary_weight: float = 0.0002,
        discriminator_weight: float = 1.0,
        target: str = 'unlabeled',
        discriminator: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        check_choice('OutputAdversarial.align', align, ('source', 'target'))
        check_choice('OutputAdversarial.input', input, ('softmax', 'self_information'))
        check_choice('OutputAdversarial.gan', gan, CRITERIA)
        check_choice('OutputAdversarial.levels', levels, (1, 2))
        self.domains = ('source', target)
        self.target = target
        self.align = align
        self.input = input
        self.criterion = CRITERIA[gan]
        self.weights = {'main': weight, 'auxiliary': auxiliary_weight}
        self.discriminator_weight = discriminator_weight
        config = {**DISCRIMINATOR, 'in_channels': num_classes, **(discriminator or {})}
        self.discriminators = ModuleDict(
            {level: MODELS.build(config) for level in ('main', 'auxiliary')[:levels]}
        )

    @property
    def gradient_domains(self) -> tuple[str, ...]:
        """The domain whose outputs get the adversarial loss."""
        return ('source',) if self.align == 'source' else (self.target,)

    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Compute the segmentor's adversarial loss, D's loss and its accuracy, at each level."""
        losses = {}
        for level, discriminator in self.discriminators.items():
            domains = {'source': 'source', 'target': self.target}
            maps = {k: self._map(_scores(outputs[d], level)) for k, d in domains.items()}
            wanted = TARGET if self.align == 'source' else SOURCE
            adv_logits = call_frozen(discriminator, maps[self.align])
            source = discriminator(maps['source'].detach())
            target = discriminator(maps['target'].detach())
            adv_loss = gan_loss(adv_logits, wanted, self.criterion)
            d_loss = gan_loss(source, SOURCE, self.criterion)
            d_loss = d_loss + gan_loss(target, TARGET, self.criterion)
            border = 0.5 if self.criterion is mse_loss else 0.0
            values = {
                'loss_adversarial': self.weights[level] * adv_loss,
                'loss_discriminator': 0.5 * self.discriminator_weight * d_loss,
                'accuracy_source': (source < border).double().mean(),
                'accuracy_target': (target >= border).double().mean(),
            }
            suffix = '' if level == 'main' else '_auxiliary'
            losses.update({name + suffix: value for name, value in values.items()})
        return ObjectiveResult(losses)

    def visualize(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """Return how much each level's D takes an output for the target's."""
        found: dict[str, dict[str, Tensor]] = {domain: {} for domain in self.domains}
        for level, discriminator in self.discriminators.items():
            title = 'D says target' if level == 'main' else 'D says target (auxiliary)'
            for domain, maps in found.items():
                d_logits = discriminator(self._map(_scores(outputs[domain], level)))
                maps[title] = probability_map(d_logits)
                if self.criterion is mse_loss:  # D itself aims at 0 and 1
                    maps[title] = full_precision(d_logits).clamp(0, 1).squeeze(1)
        return found

    def _map(self, logits: Tensor) -> Tensor:
        logits = full_precision(logits)
        if self.input == 'softmax':
            return logits.softmax(dim=1)
        logarithms = logits.log_softmax(dim=1)
        # one class has no information, and ln 1 = 0
        return -logarithms.exp() * logarithms / (math.log(logits.shape[1]) or 1.0)


def _scores(output: DomainOutput, level: str) -> Tensor:
    return output.logits if level == 'main' else output.auxiliary_logits
