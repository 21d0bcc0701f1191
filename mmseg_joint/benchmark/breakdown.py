from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any

from mmengine.model import is_model_wrapper
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from .loop import BenchmarkLoop
from .settings import Settings

OTHER = 'other'
Part = tuple[Any, str, str]  # owner, its method, the name in the table


class Ledger:
    """Charges what a meter counts (seconds, FLOPs) to the innermost part that is running.

    Args:
        read: The meter; its reading never falls.
    """

    def __init__(self, read: Callable[[], float]) -> None:
        self.totals: defaultdict[str, float] = defaultdict(float)
        self._read = read
        self._running = [OTHER]
        self._since = read()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Charge the enclosed code, less the parts within it, to a name."""
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


def networks(model: nn.Module) -> dict[str, nn.Module]:
    """The networks that have a row of their own in the table.

    Args:
        model: A segmentor.

    Returns:
        `backbone`, `decode_head`, … and `<objective>.<network>`.
    """
    found = {}
    for name, child in model.named_children():
        if name not in ('objectives', 'data_preprocessor'):
            found.update(_callable_networks(child, name))
    for name, objective in getattr(model, 'objectives', {}).items():
        for inner, child in objective.named_children():
            found.update(_callable_networks(child, f'{name}.{inner}'))
    return found


def _callable_networks(module: nn.Module, name: str) -> dict[str, nn.Module]:
    if isinstance(module, (nn.ModuleList, nn.ModuleDict)) and type(module).forward is (
        nn.Module.forward
    ):
        found = {}
        for inner, child in module.named_children():
            found.update(_callable_networks(child, f'{name}.{inner}'))
        return found
    return {name: module} if any(True for _ in module.parameters()) else {}


def parts_of(loop: BenchmarkLoop) -> list[Part]:
    """The methods whose time is told apart.

    Args:
        loop: The loop of a Runner.

    Returns:
        Owner, method and name of each, in the order of the table.
    """
    runner = loop.runner
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    found = networks(model)
    objectives = getattr(model, 'objectives', {})
    wrapper = runner.optim_wrapper
    single = not hasattr(wrapper, 'items')
    return [
        (model.data_preprocessor, 'forward', 'data preprocessor'),
        *((network, 'forward', f'forward {name}') for name, network in found.items()),
        *(
            (head, 'loss_by_feat', 'supervised losses')
            for head in found.values()
            if hasattr(head, 'loss_by_feat')
        ),
        *((objective, 'forward', f'losses {name}') for name, objective in objectives.items()),
        (wrapper, 'backward', 'backward'),
        *(
            (inner, 'step', f'optimizer {name}')
            for name, inner in ([('segmentor', wrapper)] if single else wrapper.items())
        ),
        (wrapper, 'zero_grad', 'zero_grad'),
        (runner, 'call_hook', 'hooks'),
    ]


@contextmanager
def charging(parts: list[Part], ledger: Ledger) -> Iterator[None]:
    """Let each part charge the ledger within the context.

    Args:
        parts: Owner, method and name of each.
        ledger: What they charge.
    """
    with ExitStack() as stack:
        for owner, method, name in parts:
            before = vars(owner).get(method)
            setattr(owner, method, _charged(getattr(owner, method), ledger, name))
            stack.callback(_restore, owner, method, before)
        yield


def _charged(function: Callable, ledger: Ledger, name: str) -> Callable:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with ledger.part(name):
            return function(*args, **kwargs)

    return call


def _restore(owner: Any, method: str, before: Callable | None) -> None:
    delattr(owner, method)
    if before is not None:
        setattr(owner, method, before)


def seconds_by_part(loop: BenchmarkLoop, batch: dict, settings: Settings) -> dict[str, float]:
    """Where the time of a step goes.

    Args:
        loop: The loop of a Runner.
        batch: The batch of every step.
        settings: Number of steps, device.

    Returns:
        Part -> seconds, the mean over the middle half of the steps; their sum is the step.
    """

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
    """Floating-point operations of one step's convolutions and matrix products.

    Args:
        loop: The loop of a Runner.
        batch: The batch.

    Returns:
        Part -> FLOPs (a multiply-add counts two); the networks' rows are their forward.
    """
    with FlopCounterMode(display=False) as counter:
        return _charge_step(loop, batch, counter.get_total_flops)


def _charge_step(loop: BenchmarkLoop, batch: dict, read: Callable[[], float]) -> dict[str, float]:
    parts = parts_of(loop)
    ledger = Ledger(read)
    with charging(parts, ledger):
        loop.step(batch)
    ledger.charge()
    names = dict.fromkeys([*(name for _, _, name in parts), OTHER])
    return {name: ledger.totals[name] for name in names}
