from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmseg_joint.errors import JointError

from .batches import Batch, labelled, random_batch, shares_of
from .configs import plain_beside, prepare
from .loop import BenchmarkLoop, start
from .memory import peak_memory
from .report import readable_bytes, table
from .settings import Settings
from .timing import Times, interleaved, ratio

TOGETHER, IN_TURN = 'together', 'in turn'


@dataclass
class InTurnReport:
    """What `model.domains_in_turn` costs in time and saves in memory.

    Args:
        times: Variant -> seconds of each timed step.
        memory: Variant -> peak memory in bytes, if measured.
        conditions: What was measured, in words.
    """

    times: Times
    memory: dict[str, int]
    conditions: str

    def as_dict(self) -> dict:
        """Everything, for JSON."""
        return vars(self)

    def __str__(self) -> str:
        rows = [['domains', 's/step', 'of together', 'peak memory']]
        for name, times in self.times.items():
            of_together = ratio(times, self.times[TOGETHER])['median']
            memory = readable_bytes(self.memory.get(name))
            rows.append([name, f'{median(times):.4g}', f'{of_together:.3f}', memory])
        return f'{self.conditions}\n\n{table(rows)}'


def measure_in_turn(cfg: Config, name: str, settings: Settings) -> InTurnReport:
    """Measure a config with all domains' maps alive, with one domain's at a time, and with one.

    Args:
        cfg: A config whose model is a `JointEncoderDecoder`.
        name: What the report calls it.
        settings: What is measured, and how often.

    Returns:
        All numbers. The last variant is plain supervised training on one labelled domain alone.

    Raises:
        JointError: The config's model has no such option.
    """
    if cfg.model.type != 'JointEncoderDecoder':
        raise JointError(
            f'--in-turn needs a config whose model.type is JointEncoderDecoder, not '
            f'{cfg.model.type}.'
        )
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    shares = shares_of(cfg, settings.share)
    one = next(iter(labelled(shares)))
    classes = cfg.model.decode_head.num_classes
    batch = random_batch(shares, classes, settings)
    turned = copy.deepcopy(cfg)
    turned.model.domains_in_turn = True
    turned.model.pop('merge_domains', None)
    alone = f'{one} alone'
    variants = {
        TOGETHER: (cfg, batch),
        IN_TURN: (turned, batch),
        alone: (plain_beside(cfg) or cfg, random_batch({one: shares[one]}, classes, settings)),
    }
    with tempfile.TemporaryDirectory() as folder:
        prepared = {
            key: prepare(value, settings, f'in_turn_{index}', str(Path(folder) / str(index)))
            for index, (key, (value, _)) in enumerate(variants.items())
        }
        memory = {}
        if settings.memory:
            for key, value in prepared.items():
                memory[key] = peak_memory(value, variants[key][1], settings)
        loops = {key: start(value) for key, value in prepared.items()}
        steps = {key: _step(loop, variants[key][1]) for key, loop in loops.items()}
        times = interleaved(steps, settings)
    width, height = settings.size
    parts = ' + '.join(f'{count} {domain}' for domain, count in shares.items())
    conditions = (
        f'{name}: {parts} of {width}x{height}, {settings.device_type}, '
        f'{torch.get_num_threads()} threads, torch {torch.__version__}, medians of '
        f'{settings.steps} steps'
    )
    return InTurnReport(times, memory, conditions)


def _step(loop: BenchmarkLoop, batch: Batch) -> Callable[[], object]:
    return lambda: loop.step(batch)
