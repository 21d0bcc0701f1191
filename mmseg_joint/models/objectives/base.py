from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_joint.models.precision import full_precision

from .domains import DerivedDomain, DomainInput, DomainOutput


@dataclass
class ObjectiveResult:
    """What an objective adds to a training step."""

    #: named values for the log; those with `loss` in the name are summed and minimized
    losses: dict[str, Tensor]
    #: domain -> weight of each pixel in that domain's supervised loss, (N, H, W). Weights from
    #: several objectives are multiplied
    pixel_weights: dict[str, Tensor] = field(default_factory=dict)


class Objective(BaseModule):
    """One extra training signal, with the networks that it owns.

    A subclass names the domains that it needs in `domains` and implements :meth:`forward`. Losses
    meant for the segmentor call the objective's networks through :func:`call_frozen`; losses meant
    for these networks take detached tensors. So one backward of the sum gives every network its
    own gradient.

    In :meth:`derive` it may also make new domains from those of the batch, and the segmentor is
    trained on them as on any other. Domains needed only for their images and labels are then left
    out of `output_domains`: a domain neither labeled nor read is not run through the segmentor.

    A constructor argument `segmentor` asks for a :class:`SegmentorHandle`, with which the objective
    runs the segmentor again, or keeps a copy of it.
    """

    domains: tuple[str, ...] = ('source', 'target')
    weighs_pixels: bool = False  # whether its results or the domains it makes have pixel weights
    freezes_segmentor: bool = False  # whether the segmentor stays as it is, in evaluation mode

    @property
    def output_domains(self) -> tuple[str, ...]:
        """Domains whose outputs :meth:`forward` reads, including its own; by default `domains`."""
        return self.domains

    @property
    def gradient_domains(self) -> tuple[str, ...]:
        """Those of `output_domains`, by default all, through which its losses train the segmentor.

        The others are computed without a graph, unless they are labeled.
        """
        return self.output_domains

    @property
    def evaluated(self) -> nn.Module | None:
        """A segmentor to evaluate in place of the one that is trained; by default none."""
        return None

    def derive(self, domains: dict[str, DomainInput]) -> dict[str, DerivedDomain]:
        """Make new domains; by default none.

        Args:
            domains: All domains of the batch, and those that objectives before this one made.

        Returns:
            New domain's name -> images, labels and pixel weights.
        """
        return {}

    @abstractmethod
    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Compute the objective's losses.

        Args:
            outputs: Domain -> what the segmentor computed for it.

        Returns:
            Losses, and weights for the supervised losses.
        """

    def before_train(self) -> None:
        """Prepare for a new run, once all weights are loaded; by default do nothing.

        Called by :class:`JointOptimWrapper`, also if the weights are another run's (`load_from`),
        but not if a run is resumed.
        """

    def after_optimizer_step(self) -> None:
        """Do what each optimizer step calls for, without gradients; by default nothing.

        An averaged copy of the segmentor moves here. Called by :class:`JointOptimWrapper` when the
        gradients of all iterations of a step have been applied, and before a checkpoint is written;
        state that a resumed run needs belongs in parameters or buffers.
        """

    def visualize(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """Return maps to draw next to each domain's prediction from time to time.

        Called in evaluation mode and without gradients, and in distributed training by the first
        process alone: it must leave the objective as it is, and wait for no other process. By
        default there are none.

        Args:
            outputs: As in :meth:`forward`.

        Returns:
            Domain -> title -> one of: values in [0, 1], (N, h, w), NaN where there is none; a mask
            (N, h, w), `bool`; class indices (N, h, w), others such as -1 where there is no class;
            images in [-1, 1], (N, 3, h, w). All are enlarged to the size of the domain's images.
        """
        return {}


def makes_domains(kind: type | None) -> bool:
    """Whether objectives of a class make new domains (:meth:`Objective.derive`)."""
    return getattr(kind, 'derive', Objective.derive) is not Objective.derive


def probability_map(d_logits: Tensor) -> Tensor:
    """Turn a discriminator's logits (N, 1, h, w) into a map to look at, (N, h, w)."""
    return full_precision(d_logits).sigmoid().squeeze(1)


def call_together(
    module: nn.Module, *parts: Tensor, frozen: bool = False, args: tuple[Any, ...] = ()
) -> list[Tensor]:
    """Call a network once for several batches, which takes fewer kernels on a GPU.

    The results are those of separate calls: if images differ in size, or a norm uses batch
    statistics, the network is called for one batch after the other.

    Args:
        module: The network.
        *parts: Batches, each (n, C, H, W).
        frozen: Call it through :func:`call_frozen`.
        args: Further arguments of every call.

    Returns:
        What the network returns for each batch.
    """
    call = partial(call_frozen, module) if frozen else module
    apart = len({part.shape[1:] for part in parts}) > 1
    if apart or any(isinstance(child, _BatchNorm) for child in module.modules()):
        return [call(part, *args) for part in parts]
    return list(call(torch.cat(parts), *args).split([len(part) for part in parts]))


def call_frozen(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """Call a network so that gradients pass through it, but leave it untouched.

    Gradients do not reach its parameters, and its buffers, such as batch norm's running averages
    and the vectors of a spectral norm, do not move. Nothing is toggled on the module, so the same
    step may also call it with live parameters.
    """
    tensors = {name: value.detach() for name, value in module.named_parameters()}
    tensors.update((name, value.clone()) for name, value in module.named_buffers())
    return functional_call(module, tensors, args, kwargs)
