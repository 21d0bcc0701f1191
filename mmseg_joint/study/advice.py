"""Explains a study's numbers in plain words."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from .cells import Cell
from .methods import JOINT, SOURCE_ONLY, TARGET_ONLY
from .results import Results, is_uneven
from .statistics import Gain, LabelsNeeded, gain_of, paired, signed

FEW_SEEDS = 3


def advise(results: Results) -> list[str]:
    """Say which method to use for how many labels, and what is only noise.

    Returns:
        A few sentences for each number of labels, then those that apply to all.
    """
    if not results.measured:
        return ['No run is finished yet.']
    counts = [n for n in results.counts if results.find(_base(n), n)]
    parts = [_at(results, count) for count in counts]
    if not counts:
        best = max(results.measured, key=lambda cell: cell.mean or 0.0)
        parts = [
            [
                f'{best.row.name} is highest so far ({best.mean:.1f}), but no run of '
                f'{_base(best.labels or 0)} is finished, so nothing can be said about gains.'
            ]
        ]
    parts += [_synthetic(results, counts), _caution(results)]
    return [' '.join(sentences) for sentences in parts if sentences]


def _at(results: Results, count: int) -> list[str]:
    """Name the best method for one number of labels."""
    base = _base(count)
    alone = results.find(base, count)

    def height(cell: Cell) -> float:
        """Return the gain over the base on shared seeds: some seeds draw easier images."""
        gain = results.gain(cell)
        return gain.mean if gain else (cell.mean or 0.0) - ((alone and alone.mean) or 0.0)

    ranked = sorted(results.at(count), key=height, reverse=True)
    best, name = ranked[0], ranked[0].row.name
    images = f'With {count} labeled images' if count else 'Without labels'
    if len(ranked) == 1:
        return [f'{images} only {name} was run ({best.mean:.1f}).']
    if name == base:
        return [f'{images} nothing is above the {base} alone ({best.mean:.1f}).']
    gain = results.gain(best)
    if gain is None:
        return [f'{images} {name} is highest, but shares no seed with {base}.']
    if not gain.excludes_zero:
        why = 'one seed has no interval'
        if gain.seeds > 1:
            why = f'the interval of {gain.seeds} seeds includes 0'
        return [
            f'{images} {name} is highest ({best.mean:.1f}), but {gain_in_words(gain)} over the '
            f'{base} alone may be noise: {why}.'
        ]
    sentences = [f'{images}, use {name}: {gain_in_words(gain)} over the {base} alone.']
    second = next((cell for cell in ranked[1:] if cell.row.name != base), None)
    if second:
        difference = gain_of(paired(best.scores(), second.scores()))
        if difference and not difference.excludes_zero:
            sentences.append(
                f'These runs do not show whether it or {second.row.name} is better '
                f'({gain_in_words(difference)}).'
            )
    needed = results.needed(best)
    if needed:
        sentence = f'The target alone would need {needed_in_words(needed)} labels for that'
        if needed.left_out:
            sentence += f', read without those with {listed(needed.left_out)} labels'
        sentences.append(f'{sentence}.')
    return sentences + _price(results, best)


def _base(count: int) -> str:
    """Name the method to compare with at a number of labels, as `Results.base_of`."""
    return TARGET_ONLY if count else SOURCE_ONLY


def _price(results: Results, best: Cell) -> list[str]:
    base = results.base_of(best)
    own, other = (results.seconds(cell) if cell else [] for cell in (best, base))
    if not own or not other or is_uneven(own) or is_uneven(other):
        return []
    return [f'Its training step takes {median(own) / median(other):.1f} times as long.']


def _synthetic(results: Results, counts: list[int]) -> list[str]:
    """Say whether the synthetic images by themselves help."""
    gains = {n: results.gain(cell) for n in counts if (cell := results.find(JOINT, n))}
    clear = {n: gain for n, gain in gains.items() if gain and gain.excludes_zero}
    if not gains:
        return []
    parts = []
    for word, chosen in (
        ('help', [n for n, gain in clear.items() if gain.mean > 0]),
        ('hurt', [n for n, gain in clear.items() if gain.mean < 0]),
    ):
        if chosen:
            parts.append(f'{word} with {listed(chosen)} labels')
    others = [n for n in gains if n not in clear]
    if others:
        parts.append(f'make no clear difference in these seeds with {listed(others)} labels')
    return [f'Synthetic images by themselves ({JOINT}) {" and ".join(parts)}.']


def _caution(results: Results) -> list[str]:
    sentences = []
    least = min(len(cell.runs) for cell in results.measured)
    if least < FEW_SEEDS:
        sentences.append(
            f'Some numbers rest on {_seeds(least)}: intervals are wide or missing, and more '
            '--seeds narrow them most.'
        )
    number = sum(results.gain(cell) is not None for cell in results.measured)
    if number > 10:
        sentences.append(
            f'Of {number} comparisons, one in twenty looks like a gain or a loss by chance even if '
            'there is none.'
        )
    return sentences


def gain_in_words(gain: Gain) -> str:
    """Write a gain with its interval, like +2.1 points (95 %: +0.4 to +3.8)."""
    text = f'{signed(gain.mean)} points'
    if gain.low is None or gain.high is None:
        return text
    return f'{text} (95 %: {signed(gain.low)} to {signed(gain.high)})'


def needed_in_words(needed: LabelsNeeded) -> str:
    """Write how many labels are needed, with the interval, like 87 (95 %: 40 to more than 367)."""
    if needed.number is not None:
        text = f'{needed.number:.0f}'
    elif needed.beyond == 'above':
        text = f'more than {needed.most}'
    else:
        text = f'fewer than {needed.least}'
    if needed.low is None or needed.high is None:
        return text
    least = f'{needed.low:.0f}' if needed.low else f'fewer than {needed.least}'
    most = f'{needed.high:.0f}' if needed.high < float('inf') else f'more than {needed.most}'
    return text if least == most else f'{text} (95 %: {least} to {most})'


def source_in_words(needed: LabelsNeeded) -> str:
    """Name the runs that the number of labels is based on, and those left out."""
    text = f'{_seeds(len(needed.seeds))} of {TARGET_ONLY} with {listed(needed.counts)} labels.'
    left = [f'{n} labels ({seeds} of these seeds)' for n, seeds in needed.left_out.items()]
    if needed.unused:
        plural = 's' if len(needed.unused) > 1 else ''
        left.append(f'seed{plural} {listed(needed.unused)} of the method')
    return f'{text} Left out: {", ".join(left)}.' if left else text


def _seeds(number: int) -> str:
    return f'{number} seed{"" if number == 1 else "s"}'


def listed(numbers: Iterable[int]) -> str:
    """Write numbers as `1, 2 and 3`."""
    *first, last = map(str, numbers)
    return f'{", ".join(first)} and {last}' if first else last
