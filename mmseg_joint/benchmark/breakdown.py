from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from math import prod
from typing import Any
from unittest.mock import patch

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from mmseg_joint.models.objectives import Objective
from mmseg_joint.utils.unwrapped import unwrapped

from .loop import BenchmarkLoop
from .settings import Settings

OTHER = 'other'
Shape = Sequence[int]
Part = tuple[Any, str, str]  # owner, its method, the name in the table


class Ledger:
    """Charges what a meter counts (seconds, FLOPs) to the innermost part that is running.

    `read` is the meter; its reading never falls.
    """

    def __init__(self, read: Callable[[], float]) -> None:
        self.totals: defaultdict[str, float] = defaultdict(float)
        self._read = read
        self._running = [OTHER]
        self._since = read()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Charge the enclosed code, except the parts within it, to a name."""
        self.charge()
        self._running.append(name)
        try:
            yield
        finally:
            self.charge()
            self._running.pop()

    def charge(self) -> None:
        """Charge what the meter has counted since the last charge to the running part."""
        now = self._read()
        self.totals[self._running[-1]] += now - self._since
        self._since = now


def networks(module: nn.Module, name: str = '') -> dict[str, nn.Module]:
    """Return the networks with a row of their own: `backbone`, … and `<objective>.<network>`."""
    is_called = type(module).forward is not nn.Module.forward
    if name and is_called and not isinstance(module, Objective):
        return {name: module} if any(True for _ in module.parameters()) else {}
    found: dict[str, nn.Module] = {}
    for inner, child in module.named_children():
        place = f'{name}.{inner}' if name else inner
        found.update(networks(child, place.removeprefix('objectives.')))
    return found


def parts_of(loop: BenchmarkLoop) -> list[Part]:
    """Return the methods timed separately: owner, method and name, in the order of the table."""
    runner = loop.runner
    model = unwrapped(runner.model)
    found = networks(model)
    objectives = getattr(model, 'objectives', {})
    wrapper = runner.optim_wrapper
    wrappers = wrapper if hasattr(wrapper, 'items') else {'segmentor': wrapper}
    heads = [head for head in found.values() if hasattr(head, 'loss_by_feat')]
    return [
        (model.data_preprocessor, 'forward', 'data preprocessor'),
        *((network, 'forward', f'forward {name}') for name, network in found.items()),
        *((head, 'loss_by_feat', 'supervised losses') for head in heads),
        *((objective, 'forward', f'losses {name}') for name, objective in objectives.items()),
        (wrapper, 'backward', 'backward'),
        *((inner, 'step', f'optimizer {name}') for name, inner in wrappers.items()),
        (wrapper, 'zero_grad', 'zero_grad'),
        (runner, 'call_hook', 'hooks'),
    ]


def seconds_by_part(loop: BenchmarkLoop, batch: dict, settings: Settings) -> dict[str, float]:
    """Return the mean seconds per part over the middle half of the steps; they sum to a step."""

    def clock() -> float:
        settings.synchronize()
        return time.perf_counter()

    steps = []
    for _ in tqdm(range(settings.steps), 'where the time goes', leave=False, disable=None):
        steps.append(_charge_step(loop, batch, clock))
    steps.sort(key=lambda totals: sum(totals.values()))
    quarter = len(steps) // 4
    middle = steps[quarter : len(steps) - quarter]
    return {name: sum(step[name] for step in middle) / len(middle) for name in middle[0]}


def flops_by_part(loop: BenchmarkLoop, batch: dict) -> dict[str, float]:
    """Count the FLOPs of convolutions and matrix products in each part of a step.

    A multiply-add counts as two; the rows of the networks are their forward passes.
    """
    formulas = {torch.ops.aten.convolution_backward: convolution_backward_flops}
    with FlopCounterMode(display=False, custom_mapping=formulas) as counter:
        return _charge_step(loop, batch, counter.get_total_flops)


def convolution_backward_flops(
    grad_out_shape: Shape, x_shape: Shape, w_shape: Shape, *rest: Any, **_: Any
) -> int:
    """Count the operations of a convolution's backward: a forward's for each requested gradient.

    PyTorch's own formula treats a grouped convolution as dense: for a depthwise one the count is
    too high by a factor of its channels, so the predicted time of a step would be wrong.
    """
    transposed, output_mask = rest[4], rest[7]  # of aten.convolution_backward's arguments
    positions = x_shape if transposed else grad_out_shape
    forward = 2 * prod(positions) * prod(w_shape[1:])  # w_shape has the channels of one group
    return forward * sum(map(bool, output_mask[:2]))


def _charge_step(loop: BenchmarkLoop, batch: dict, read: Callable[[], float]) -> dict[str, float]:
    ledger = Ledger(read)
    parts = parts_of(loop)
    with ExitStack() as stack:
        for owner, method, name in parts:
            charged = ledger.part(name)(getattr(owner, method))
            stack.enter_context(patch.object(owner, method, charged))
        loop.step(batch)
    ledger.charge()
    return {name: ledger.totals[name] for name in (*(name for _, _, name in parts), OTHER)}
