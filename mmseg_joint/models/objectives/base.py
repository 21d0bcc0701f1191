from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.func import functional_call

from mmseg_joint.errors import JointError


@dataclass
class DomainOutput:
    """What the segmentor computed for one domain of a batch.

    Args:
        inputs: Normalised pictures, (N, 3, H, W).
        features: The backbone's (or neck's) outputs.
        logits: The main head's scores at picture size, (N, C, H, W).
        labels: Class indices or the ignore index, (N, H, W); None for an unlabelled domain.
        to_unit_range: Maps normalised pictures to [-1, 1].
        auxiliary: Computes the first auxiliary head's scores at picture size; None without one.
    """

    inputs: Tensor
    features: tuple[Tensor, ...]
    logits: Tensor
    labels: Tensor | None
    to_unit_range: Callable[[Tensor], Tensor]
    auxiliary: Callable[[], Tensor] | None = None

    @property
    def truth(self) -> Tensor:
        """The labels, (N, H, W).

        Raises:
            JointError: The domain is unlabelled.
        """
        if self.labels is None:
            raise JointError(
                'An objective needs labels, but reads a domain that has none: correct its domains '
                'in model.objectives.'
            )
        return self.labels

    @cached_property
    def probabilities(self) -> Tensor:
        """Softmax of the logits in float32 or better, detached, (N, C, H, W)."""
        return full_precision(self.logits.detach()).softmax(dim=1)

    @cached_property
    def auxiliary_logits(self) -> Tensor:
        """The first auxiliary head's scores at picture size, (N, C, H, W), computed once.

        Raises:
            JointError: The model has no auxiliary head.
        """
        if self.auxiliary is None:
            raise JointError(
                'An objective works on two levels, but the model has one: give it '
                'model.auxiliary_head, or set levels=1 of the objective.'
            )
        return self.auxiliary()

    @cached_property
    def pictures(self) -> Tensor:
        """The pictures in [-1, 1], (N, 3, H, W)."""
        return self.to_unit_range(self.inputs)


@dataclass
class ObjectiveResult:
    """What an objective adds to a training step.

    Args:
        losses: Named values for the log; those with `loss` in the name are summed and minimised.
        pixel_weights: Domain -> weight of each pixel in that domain's supervised loss, (N, H, W).
    """

    losses: dict[str, Tensor]
    pixel_weights: dict[str, Tensor] = field(default_factory=dict)


class Objective(BaseModule):
    """One extra training signal, with the networks that it owns.

    A subclass names the domains it reads in `domains`, of these the ones through whose outputs its
    losses train the segmentor in `gradient_domains` (by default all), and implements
    :meth:`forward`. A domain that trains nothing is computed without a graph. Losses meant
    for the segmentor call the objective's networks through :func:`frozen`; losses meant for these
    networks take detached tensors. So one backward of the sum gives every network its own gradient.

    An objective may also make pictures of new domains, on which the segmentor is trained as on any
    other: it names them in `derived`, each with the domain whose pictures it is made from and whose
    labels it shares, and implements :meth:`derive`.
    """

    domains: tuple[str, ...] = ('source', 'target')
    weighs_pixels: bool = False  # whether its results hold pixel weights
    derived: ClassVar[dict[str, str]] = {}  # new domain -> domain that it is made from

    @property
    def gradient_domains(self) -> tuple[str, ...]:
        """Domains through whose outputs the objective's losses train the segmentor."""
        return self.domains

    def __init__(self, init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None) -> None:
        super().__init__(init_cfg)

    def derive(self, pictures: Tensor) -> Tensor:
        """Make the pictures of a domain in `derived`.

        Args:
            pictures: Those of the domain that it is made from, in [-1, 1], (N, 3, H, W).

        Returns:
            The new domain's in [-1, 1], (N, 3, H, W), with the graph to the network that made them.
        """
        raise NotImplementedError

    @abstractmethod
    def forward(self, outputs: dict[str, DomainOutput]) -> ObjectiveResult:
        """Compute the objective's losses.

        Args:
            outputs: Domain -> what the segmentor computed for it.

        Returns:
            Losses, and weights for the supervised losses.
        """

    def pictures(self, outputs: dict[str, DomainOutput]) -> dict[str, dict[str, Tensor]]:
        """What there is to see, to be drawn beside each domain's prediction now and then.

        Called in evaluation mode and without gradients, and in distributed training by the first
        process alone: it must leave the objective as it is, and wait for no other process. By
        default there is nothing.

        Args:
            outputs: As in :meth:`forward`.

        Returns:
            Domain -> title -> one of: values in [0, 1], (N, h, w), NaN where there is none; a mask
            (N, h, w), `bool`; class indices (N, h, w), others such as -1 where there is none;
            pictures in [-1, 1], (N, 3, h, w). All are enlarged to the domain's pictures.
        """
        return {}


def full_precision(tensor: Tensor) -> Tensor:
    """Cast half precision to float32: networks run in half precision under autocast, losses never.

    Args:
        tensor: A floating-point tensor.

    Returns:
        The tensor itself if it is float32 or float64, else its float32 copy.
    """
    return tensor.float() if tensor.element_size() < 4 else tensor


def probability_map(judged: Tensor) -> Tensor:
    """Turn what a discriminator says into a map to look at.

    Args:
        judged: Logits, (N, 1, h, w).

    Returns:
        Probabilities, (N, h, w).
    """
    return full_precision(judged).sigmoid().squeeze(1)


def frozen(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """Call a network so that gradients pass through it but never reach its parameters.

    Nothing is toggled on the module, so the same step may also call it with live parameters.

    Args:
        module: The network.
        *args: Its positional arguments.
        **kwargs: Its keyword arguments.

    Returns:
        What the network returns.
    """
    parameters = {name: value.detach() for name, value in module.named_parameters()}
    return functional_call(module, parameters, args, kwargs)
