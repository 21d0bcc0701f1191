"""Which batch statistics normalize a step's maps, and which domains move the running averages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_joint.errors import JointError

STATE = 'step', 'held', 'track_running_stats'  # attributes that a norm has within a step


def check_norm_statistics(choice: Any, merge_domains: bool | str) -> None:
    """Refuse a `model.norm_statistics` that is invalid, or does not fit `merge_domains`.

    Raises:
        JointError: When it is neither `'auto'`, `'all'` nor a list of names, or when domains are to
            share batch statistics, so that no domain has averages of its own.
    """
    names = choice if isinstance(choice, (list, tuple)) else ()
    if choice not in ('auto', 'all') and not (names and all(isinstance(n, str) for n in names)):
        raise JointError(
            f'model.norm_statistics is {choice!r}: set it to "auto", "all", or a list of domains '
            'such as ["target"].'
        )
    if merge_domains is True and choice != 'all':
        raise JointError(
            'model.merge_domains=True normalizes all domains with shared statistics, so '
            f'model.norm_statistics={choice!r} cannot tell them apart: set it to "all", or '
            'model.merge_domains to "auto".'
        )


def domains_that_move(
    choice: str | Sequence[str],
    loaded: Collection[str],
    derived: Collection[str],
    real: set[str],
    complete: bool = True,
) -> set[str]:
    """Find the domains whose images move the running averages.

    Args:
        choice: `model.norm_statistics`.
        loaded: The batch's domains that come from datasets.
        derived: Those that objectives made from them.
        real: Of the loaded ones, the target and those without labels: what `'auto'` means.
        complete: Whether no other step has more domains, such as one after a burn-in.

    Raises:
        JointError: When a named domain is missing from a complete batch.
    """
    if choice == 'all':
        return {*loaded, *derived}
    if choice == 'auto':
        return real or set(loaded)
    lacking = sorted(set(choice) - {*loaded, *derived})
    if lacking and complete:
        raise JointError(
            f'model.norm_statistics names {", ".join(lacking)}, but the batch has only '
            f'{", ".join([*loaded, *derived])}: name these, or set it to "auto".'
        )
    return set(choice)


class NormStatistics:
    """Keeps the domains of a step apart in norm layers that use batch statistics.

    Each domain is normalized with its own statistics, merged or not, as in one forward per domain.
    Only chosen domains move the running averages, with which the network is tested: a norm whose
    averages are held computes the same outputs and gradients, but leaves its buffers unchanged.

    Args:
        network: Modules to search for norms. Frozen norms, in evaluation mode, use their averages
            and are left alone.
        moving: Domains whose images move the averages.
        recomputed: Whether maps are recomputed in the backward. The averages then move before the
            maps are computed, not with them, so that the recomputation leaves them in place.
    """

    def __init__(
        self, network: Iterable[nn.Module], moving: set[str], recomputed: bool = False
    ) -> None:
        self.norms = live_norms(network)
        self.moving = moving
        self.recomputed = recomputed
        self.sizes: list[int] = []  # images per running domain; empty outside `of`
        self.moves: list[bool] = []
        self.counters: list[Tensor] = []  # of the batches of norms that have just moved
        self._holds = False
        self._before: list[tuple[nn.Module, type[nn.Module], dict[str, Any]]] = []

    def hold(self) -> None:
        """Hold all averages outside of :meth:`of`, until :meth:`release`."""
        self._holds = True
        for norm in self.norms:
            kind: Any = type(norm)
            own = norm.__dict__
            self._before.append((norm, kind, {name: own.get(name) for name in STATE}))
            # bypasses nn.Module.__setattr__, which would take as long as the norm's kernels
            new = _by_domain(getattr(kind, 'ordinary', kind))
            object.__setattr__(norm, '__class__', new)
            own.update(step=self, track_running_stats=False)

    def release(self, averages: bool = True) -> None:
        """Restore the norms to what they were before :meth:`hold`.

        Args:
            averages: Whether the averages may move again; otherwise a second call is needed.
        """
        self._holds = False
        for norm, kind, state in self._before:
            object.__setattr__(norm, '__class__', kind)
            for name, value in state.items():
                if value is None:
                    norm.__dict__.pop(name, None)
                elif averages or name != 'track_running_stats':
                    norm.__dict__[name] = value
        if averages:
            self._before = []

    @contextmanager
    def of(self, domains: Sequence[str], sizes: Sequence[int]) -> Iterator[None]:
        """Run the network, or a part of it, on these domains.

        Args:
            domains: Their names, in batch order.
            sizes: Number of images of each; a single number lets them share their statistics.
        """
        if not self._holds:
            self.hold()
            try:
                with self.of(domains, sizes):
                    yield
            finally:
                self.release()
            return
        before = self.sizes, self.moves
        self.sizes = list(sizes)
        if len(sizes) == len(domains):
            self.moves = [domain in self.moving for domain in domains]
        else:
            self.moves = [not self.moving.isdisjoint(domains)]
        try:
            yield
        finally:
            self.sizes, self.moves = before
            self._count()

    def _count(self) -> None:
        """Add to each norm's count of batches, for all norms together, how often it moved."""
        if self.counters:
            counts = Counter(self.counters)
            torch._foreach_add_(list(counts), list(counts.values()))
            self.counters = []


@contextmanager
def averages_held(network: nn.Module) -> Iterator[None]:
    """Hold a part's averages within :meth:`NormStatistics.of`, as another call moves them."""
    norms = [module for module in network.modules() if isinstance(module, _ByDomain)]
    for norm in norms:
        norm.held = True
    try:
        yield
    finally:
        for norm in norms:
            norm.held = False


def live_norms(network: Iterable[nn.Module]) -> list[nn.Module]:
    """Find the norms that use the batch's statistics: in training mode, or without averages."""
    return [
        module
        for part in network
        for module in part.modules()
        if isinstance(module, _BatchNorm) and (module.training or module.running_mean is None)
    ]


def averaging_norms(model: nn.Module) -> list[nn.Module]:
    """Find a segmentor's batch norms that keep running averages, without its objectives'."""
    return [
        module
        for name, module in model.named_modules()
        if isinstance(module, _BatchNorm)
        and module.running_mean is not None
        and not name.startswith('objectives.')
    ]


class _ByDomain:
    """A norm's behavior from :meth:`NormStatistics.hold` to :meth:`NormStatistics.release`.

    It becomes the norm's class for that time, rather than patching its forward, so that
    `torch.compile` sees the same layer in every step.
    """

    ordinary: type[nn.Module]
    step: NormStatistics
    held = False
    running_mean: Tensor | None

    def forward(self, x: Tensor) -> Tensor:
        if not self.step.sizes:
            return super().forward(x)  # type: ignore[misc]
        if len(self.step.sizes) == 1:
            return self._normalize(x, self.step.moves[0])
        parts = zip(x.split(self.step.sizes), self.step.moves)
        return torch.cat([self._normalize(part, moves) for part, moves in parts])

    def _normalize(self, x: Tensor, moves: bool) -> Tensor:
        if not moves or self.held or self.running_mean is None:
            return super().forward(x)  # type: ignore[misc]
        if not self.step.recomputed:
            return self._move(x)
        with torch.no_grad():
            self._move(x.detach())
        return super().forward(x)  # type: ignore[misc]

    def _move(self, x: Tensor) -> Tensor:
        norm: Any = self
        plain = self.ordinary.forward is _BatchNorm.forward
        if plain and norm.training and norm.momentum is not None:
            # as the class does, but for the count, which nothing reads: a launch for each norm
            norm._check_input_dim(x)
            self.step.counters.append(norm.num_batches_tracked)
            buffers, affine = (norm.running_mean, norm.running_var), (norm.weight, norm.bias)
            return F.batch_norm(x, *buffers, *affine, True, norm.momentum, norm.eps)
        own = self.__dict__  # bypasses nn.Module.__setattr__, as in `hold`
        own['track_running_stats'] = True
        out = super().forward(x)  # type: ignore[misc]
        own['track_running_stats'] = False
        return out


@cache
def _by_domain(kind: Any) -> type[nn.Module]:
    return type(kind.__name__, (_ByDomain, kind), {'ordinary': kind})
