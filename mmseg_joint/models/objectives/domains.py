from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmseg_joint.errors import JointError
from mmseg_joint.models.precision import full_precision


@dataclass
class DomainInput:
    """One domain of a batch before the segmentor's forward; the same object for all objectives."""

    inputs: Tensor  #: normalized images, as the segmentor takes them, (N, 3, H, W)
    #: class indices or the ignore index, (N, H, W); None for an unlabeled domain
    labels: Tensor | None
    to_unit_range: Callable[[Tensor], Tensor]  #: maps normalized images to [-1, 1]
    #: which pixels only pad smaller images, (N, H, W); None without any
    padding: Tensor | None = None
    #: what one objective computed from its images, for others in the same step
    shared: dict[Any, Any] = field(default_factory=dict)

    @property
    def truth(self) -> Tensor:
        """The labels, (N, H, W).

        Raises:
            JointError: When the domain is unlabeled.
        """
        if self.labels is None:
            raise JointError(
                'An objective needs labels, but reads a domain that has none: correct its domains '
                'in model.objectives.'
            )
        return self.labels

    @cached_property
    def within_image(self) -> Tensor:
        """Which pixels show the image instead of padding it, (N, H, W)."""
        if self.padding is not None:
            return ~self.padding
        count, _, *size = self.inputs.shape
        return self.inputs.new_ones((count, *size), dtype=torch.bool)

    @cached_property
    def unit_images(self) -> Tensor:
        """The images in [-1, 1], (N, 3, H, W)."""
        return self.to_unit_range(self.inputs)


@dataclass(kw_only=True)
class DomainOutput(DomainInput):
    """What the segmentor computed for one domain of a batch."""

    features: tuple[Tensor, ...]  #: the backbone's (or neck's) outputs
    logits: Tensor  #: the main head's scores at image size, (N, C, H, W)
    #: computes the first auxiliary head's scores at image size; None without one
    auxiliary: Callable[[], Tensor] | None = None

    @cached_property
    def probabilities(self) -> Tensor:
        """Softmax of the logits in float32 or better, detached, (N, C, H, W)."""
        return full_precision(self.logits.detach()).softmax(dim=1)

    @cached_property
    def auxiliary_logits(self) -> Tensor:
        """The first auxiliary head's scores at image size, (N, C, H, W), computed once.

        Raises:
            JointError: When the model has no auxiliary head.
        """
        if self.auxiliary is None:
            raise JointError(
                'An objective works on two levels, but the model has one: give it '
                'model.auxiliary_head, or set levels=1, guidance=False or auxiliary_loss_weight=0 '
                'of the objective.'
            )
        return self.auxiliary()


class DerivedDomain(NamedTuple):
    """A domain that an objective makes from others: one more domain of the same step."""

    images: Tensor  #: in [-1, 1], (N, 3, H, W); with a graph, losses train what made them
    #: class indices or the ignore index, (N, H, W); None for no supervised loss
    labels: Tensor | None = None
    #: weight of each pixel in the supervised loss, (N, H, W); None for 1
    pixel_weights: Tensor | None = None


def check_same_size(kind: str, domains: Mapping[str, DomainInput], pasted: str, onto: str) -> None:
    """Refuse to paste one domain's images onto another's of a different size.

    Raises:
        JointError: When their images differ in size.
    """
    sizes = [tuple(domains[name].inputs.shape[-2:]) for name in (pasted, onto)]
    if sizes[0] != sizes[1]:
        raise JointError(
            f'{kind} pastes "{pasted}" with images of {sizes[0]} onto "{onto}" with {sizes[1]} '
            '(height, width): crop both to one size in their pipelines.'
        )
