from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from .batches import Batch, random_batch, shares_of
from .configs import prepare
from .loop import start
from .memory import peak_memory
from .report import readable_bytes, table
from .sequential import start_sequential
from .settings import Settings
from .timing import Times, interleaved, ratio

LOOP = 'sequential loop, float32'
TARGETS = {'float32': 0.9, 'bfloat16': 0.45}  # of the sequential loop's time


@dataclass
class SequentialReport:
    """Times beside the sequential loop's.

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
        return {**vars(self), 'ratios': self.ratios, 'targets': TARGETS}

    @property
    def ratios(self) -> dict[str, dict[str, float]]:
        """Variant -> median and quarter points of its ratio to the sequential loop."""
        loop = self.times[LOOP]
        return {name: ratio(times, loop) for name, times in self.times.items() if name != LOOP}

    def __str__(self) -> str:
        rows = [['', 's/step', 'peak memory', 'of the loop', 'half of the steps', 'target']]
        for name, times in self.times.items():
            rows.append([name, f'{median(times):.4g}', readable_bytes(self.memory.get(name))])
            if name == LOOP:
                rows[-1] += ['', '', '']
                continue
            found, target = self.ratios[name], TARGETS[name.rpartition(' ')[2]]
            met = 'met' if found['median'] <= target else 'missed'
            spread = f'{found["low"]:.3f}-{found["high"]:.3f}'
            rows[-1] += [f'{found["median"]:.3f}', spread, f'{target}: {met}']
        return f'{self.conditions}\n\n{table(rows)}'


def measure_sequential(
    cfg: Config, name: str, settings: Settings, loop: Config | None = None
) -> SequentialReport:
    """Time a config in float32 and in bfloat16 beside the hand-written sequential loop.

    Args:
        cfg: A config with one `OutputAdversarial`.
        name: What the report calls it.
        settings: What is measured, and how often; its `dtype` is not used.
        loop: The config that the loop follows, on the same batch; None for `cfg` itself.

    Returns:
        All numbers.

    Raises:
        JointError: The sequential loop was not written for the config's objectives.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    shares = shares_of(cfg, settings.share)
    batch = random_batch(shares, cfg.model.decode_head.num_classes, settings)
    times, memory = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        prepared = {
            f'{name}, {dtype}': prepare(
                cfg,
                replace(settings, dtype=dtype),
                f'sequential_{dtype}',
                str(Path(folder) / dtype),
            )
            for dtype in TARGETS
        }
        followed = prepare(
            loop or cfg,
            replace(settings, dtype='float32'),
            'sequential_loop',
            str(Path(folder) / 'loop'),
        )
        builders = {LOOP: (start_sequential, followed)}
        builders.update({key: (start, value) for key, value in prepared.items()})
        if settings.memory:
            memory = {
                key: peak_memory(value, batch, settings, build)
                for key, (build, value) in builders.items()
            }
        loops = {key: build(value) for key, (build, value) in builders.items()}
        steps = {key: _step(loop, batch) for key, loop in loops.items()}
        times = interleaved(steps, settings)
    width, height = settings.size
    parts = ' + '.join(f'{count} {domain}' for domain, count in shares.items())
    conditions = (
        f'{parts} of {width}x{height}, {settings.device_type}, {torch.get_num_threads()} threads, '
        f'torch {torch.__version__}, medians of {settings.steps} steps'
    )
    return SequentialReport(times, memory, conditions)


def _step(loop: Any, batch: Batch) -> Callable[[], object]:
    return lambda: loop.step(batch)
