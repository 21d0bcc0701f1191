from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

TARGETS = {'runner / bare': 1.03, 'measured / predicted': 1.05}
EXPLAINED = {
    'runner / bare': "the Runner's step / a bare PyTorch loop",
    'measured / predicted': 'the step / what its FLOPs predict from the plain step',
}


@dataclass
class Measured:
    """The numbers of one config."""

    seconds: list[float]  #: of each timed Runner step
    images: int  #: in a batch
    parts: dict[str, float]  #: part of a step -> seconds
    flops: dict[str, float]  #: part of a step -> floating-point operations
    peak_memory: int | None = None  #: bytes, if measured

    @property
    def total_flops(self) -> float:
        """Return the floating-point operations of a step."""
        return sum(self.flops.values())


@dataclass
class Report:
    """All numbers of a run."""

    measured: dict[str, Measured]  #: name of a config -> its numbers; the plain config comes second
    conditions: dict[str, Any]  #: size, precision, device, …
    bare: list[float] | None = None  #: seconds of each step of the bare loop
    bare_note: str | None = None  #: why there is no bare loop
    #: name -> median and quartiles of the pairwise ratios
    ratios: dict[str, dict[str, float]] = field(default_factory=dict)
    data: dict[str, float] | None = None  #: timings of the data loader, if measured

    def as_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {**asdict(self), 'targets': TARGETS}

    def __str__(self) -> str:
        blocks = [in_words(self.conditions), self._steps(), self._parts(), self._ratios()]
        if self.data:
            blocks.append(self._loading(self.data))
        return '\n\n'.join(blocks)

    def _steps(self) -> str:
        rows = [['', 's/step', 'images/s', 'peak memory', 'GFLOPs/step']]
        for name, one in self.measured.items():
            rows.append([name, *_speed(one.seconds, one.images)])
            rows[-1] += [readable_bytes(one.peak_memory), f'{one.total_flops / 1e9:.4g}']
            if self.bare and len(rows) == 2:
                rows.append(['  in a bare loop', *_speed(self.bare, one.images), '', ''])
        return table(rows)

    def _parts(self) -> str:
        head = ['where the time goes']
        for name in self.measured:
            head += [f'{name}: ms', '%', 'GFLOPs']
        found = dict.fromkeys(part for one in self.measured.values() for part in one.parts)
        rows = [head]
        for part in sorted(found, key=lambda part: part == 'other'):
            rows.append([part])
            for one in self.measured.values():
                rows[-1] += _part(one, part)
        rows.append(['sum'])
        for one in self.measured.values():
            total = sum(one.parts.values())
            rows[-1] += [f'{1e3 * total:.1f}', '100', f'{one.total_flops / 1e9:.4g}']
        return table(rows)

    def _ratios(self) -> str:
        lines = []
        for key, value in self.ratios.items():
            met = 'met' if value['median'] <= TARGETS[key] else 'missed'
            around = f'half of the steps {spread(value)}; target {TARGETS[key]}: {met}'
            lines.append(f'{EXPLAINED[key]}: {value["median"]:.3f} ({around})')
        if self.bare_note:
            lines.append(f'no bare loop: {self.bare_note}')
        return '\n'.join(lines) or 'nothing to compare with: the config has no objectives'

    def _loading(self, data: dict[str, float]) -> str:
        one = next(iter(self.measured.values()))
        step = median(one.seconds)
        hidden = 'less' if data['seconds'] <= step else 'more'
        return (
            f'data loader: {data["seconds"]:.4g} s a batch with {data["workers"]} workers, '
            f'{data["images"] / data["seconds"]:.4g} images/s, first batch after '
            f'{data["first"]:.3g} s; {hidden} than a step takes'
        )


def _part(one: Measured, part: str) -> list[str]:
    if part not in one.parts:
        return ['', '', '']
    seconds, flops = one.parts[part], one.flops.get(part, 0)
    share = 100 * seconds / sum(one.parts.values())
    return [f'{1e3 * seconds:.1f}', f'{share:.1f}', f'{flops / 1e9:.4g}' if flops else '']


def _speed(seconds: list[float], images: int) -> list[str]:
    return [f'{median(seconds):.4g}', f'{images / median(seconds):.4g}']


def in_words(conditions: dict[str, Any]) -> str:
    """Describe in one line what was measured."""
    domains = ' + '.join(f'{count} {name}' for name, count in conditions['shares'].items())
    width, height = conditions['size']
    parts = [f'{domains} of {width}x{height}', conditions['dtype'], conditions['device']]
    parts += [f'{conditions["threads"]} threads', f'torch {conditions["torch"]}']
    return ', '.join(filter(None, [*parts, f'medians of {conditions["steps"]} steps']))


def spread(found: dict[str, float]) -> str:
    """Write the quartiles of a ratio."""
    return f'{found["low"]:.3f}-{found["high"]:.3f}'


def readable_bytes(count: int | None) -> str:
    """Write a number of bytes in readable units; None as an empty string."""
    if count is None:
        return ''
    return f'{count / 2**30:.2f} GiB' if count >= 2**30 else f'{count / 2**20:.0f} MiB'


def table(rows: Sequence[Sequence[str]]) -> str:
    """Align cells in columns, the first one to the left."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        lines.append('  '.join([row[0].ljust(len(first)), *rest]).rstrip())
    return '\n'.join(lines)
