from __future__ import annotations

import copy
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any

from mmengine.config import Config

from mmseg_joint.errors import JointError

from .batches import labeled, random_batch, shares_of
from .configs import plain_beside
from .reference import start_sequential
from .report import in_words, readable_bytes, spread, table
from .settings import Settings
from .timing import Times, interleaved, ratio
from .variants import Variant, started

LOOP = 'sequential loop, float32'
TARGETS = {'float32': 0.9, 'bfloat16': 0.45}  # maximum share of the sequential loop's time
TOGETHER, IN_TURN = 'together', 'in turn'


@dataclass
class Comparison:
    """Times and memory of several variants, compared with the first."""

    times: Times  #: variant -> seconds of each timed step
    memory: dict[str, int]  #: variant -> peak memory in bytes, if measured
    conditions: str  #: description of what was measured
    first: str  #: what the report calls the first variant
    #: variant -> upper limit of its ratio to the first
    targets: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {**vars(self), 'ratios': self.ratios}

    @property
    def ratios(self) -> dict[str, dict[str, float]]:
        """Map each variant to the median and quartiles of its ratio to the first."""
        base, *others = self.times
        return {name: ratio(self.times[name], self.times[base]) for name in others}

    def __str__(self) -> str:
        head = ['', 's/step', f'of {self.first}', 'half of the steps', 'peak memory', 'target']
        rows = [head]
        for name, times in self.times.items():
            found, target, met = self.ratios.get(name), self.targets.get(name), ''
            if found and target:
                met = f'{target}: {"met" if found["median"] <= target else "missed"}'
            beside = [f'{found["median"]:.3f}', spread(found)] if found else ['', '']
            memory = readable_bytes(self.memory.get(name))
            rows.append([name, f'{median(times):.4g}', *beside, memory, met])
        if not self.targets:
            rows = [row[:-1] for row in rows]
        return f'{self.conditions}\n\n{table(rows)}'


def measure_sequential(
    cfg: Config, name: str, settings: Settings, loop: Config | None = None
) -> Comparison:
    """Time a config in float32 and in bfloat16 against the hand-written sequential loop.

    Args:
        cfg: A config with one `OutputAdversarial`.
        name: What the report calls it.
        settings: What to measure, and how often; its `dtype` is not used.
        loop: The config that the loop follows, on the same batch; None for `cfg` itself.

    Raises:
        JointError: When the loop does not support the config's objectives, or is not installed.
    """
    shares = shares_of(cfg, settings.share)
    batch = random_batch(shares, cfg.model.decode_head.num_classes, settings)
    variants = {LOOP: Variant(loop or cfg, batch, 'float32', start_sequential)}
    variants |= {f'{name}, {dtype}': Variant(cfg, batch, dtype) for dtype in TARGETS}
    targets = {f'{name}, {dtype}': target for dtype, target in TARGETS.items()}
    words = in_words(settings.conditions(shares))
    return Comparison(*_measure(variants, settings), words, 'the loop', targets)


def measure_sequential_domains(cfg: Config, name: str, settings: Settings) -> Comparison:
    """Measure a config with all domains' maps in memory, with one domain's at a time, and with one.

    The last variant is plain training on one labeled domain. Models other than ours are refused.
    """
    if cfg.model.type != 'JointEncoderDecoder':
        raise JointError(
            f'--sequential-domains needs a config whose model.type is JointEncoderDecoder, not '
            f'{cfg.model.type}.'
        )
    shares = shares_of(cfg, settings.share)
    one = next(iter(labeled(shares)))
    classes = cfg.model.decode_head.num_classes
    batch, alone = (random_batch(each, classes, settings) for each in (shares, {one: shares[one]}))
    turned = copy.deepcopy(cfg)
    turned.model.sequential_domains = True
    turned.model.pop('merge_domains', None)
    variants = {
        TOGETHER: Variant(cfg, batch),
        IN_TURN: Variant(turned, batch),
        f'{one} alone': Variant(plain_beside(cfg) or cfg, alone),
    }
    words = f'{name}: {in_words(settings.conditions(shares))}'
    return Comparison(*_measure(variants, settings), words, TOGETHER)


def _measure(variants: dict[str, Variant], settings: Settings) -> tuple[Times, dict[str, int]]:
    with started(variants, settings) as (loops, memory):
        steps = {name: partial(loops[name].step, one.batch) for name, one in variants.items()}
        return interleaved(steps, settings), memory
