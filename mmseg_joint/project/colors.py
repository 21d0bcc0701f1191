from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mmseg_joint.errors import JointError

IGNORED = ('ignore', 'ignored', 'unlabeled', 'void')
LINE = re.compile(r'(\S.*?)[\s,;:]+(\d+)[\s,;]+(\d+)[\s,;]+(\d+)$')


def read_colors(
    path: Path, classes: Sequence[str]
) -> tuple[list[list[list[int]]], list[list[int]]]:
    """Read which colors stand for each class, and which are ignored.

    Raises:
        JointError: When a line is malformed, or a class has no color.
    """
    found: dict[str, list[list[int]]] = {}
    for number, text in enumerate(path.read_text(encoding='utf-8').splitlines(), start=1):
        line = text.partition('#')[0].strip()
        if not line:
            continue
        match = LINE.fullmatch(line)
        name = match[1].strip(' "\'') if match else ''
        if not match or not (name in classes or name.lower() in IGNORED):
            raise JointError(
                f'Line {number} of {path} is "{text.strip()}": write a class of --classes (or '
                'ignore), red, green and blue, like "sky 70 130 180".'
            )
        name = name if name in classes else 'ignore'
        found.setdefault(name, []).append([int(match[place]) for place in (2, 3, 4)])
    without = [name for name in classes if name not in found]
    if without:
        raise JointError(f'{path} has no color of {", ".join(without)}: add a line for each.')
    return [found[name] for name in classes], found.get('ignore', [])
