from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from mmseg_joint.errors import JointError

IGNORED = ('ignore', 'ignored', 'unlabeled', 'void')
LINE = re.compile(r'(\S.*?)[\s,;:]+(\d+)[\s,;]+(\d+)[\s,;]+(\d+)$')


def read_colors(
    path: Path, classes: Sequence[str]
) -> tuple[list[list[list[int]]], list[list[int]]]:
    """Read which colors stand for each class, and which are ignored.

    Raises:
        JointError: When the file is not UTF-8, a line is malformed or names an unknown class, or a
            class has no color.
    """
    try:
        lines = path.read_text(encoding='utf-8-sig').splitlines()
    except UnicodeDecodeError as error:
        raise JointError(f'{path} is not encoded as UTF-8: save it as UTF-8.') from error
    found: dict[str, list[list[int]]] = {}
    for number, text in enumerate(lines, start=1):
        line = text.partition('#')[0].strip()
        if not line:
            continue
        match = LINE.fullmatch(line)
        if not match:
            raise JointError(
                f'Line {number} of {path} is "{text.strip()}": write a class of --classes (or '
                'ignore), red, green and blue, like "sky 70 130 180".'
            )
        name = match[1].strip(' "\'')
        if not (name in classes or name.lower() in IGNORED):
            known = {known.lower(): known for known in classes}
            near = get_close_matches(name.lower(), known, n=1)
            hint = f'did you mean {known[near[0]]}?' if near else 'correct it, or write ignore.'
            raise JointError(
                f'Line {number} of {path} has the class {name}, which --classes lacks: {hint}'
            )
        name = name if name in classes else 'ignore'
        found.setdefault(name, []).append([int(match[place]) for place in (2, 3, 4)])
    without = [name for name in classes if name not in found]
    if without:
        raise JointError(f'{path} has no color of {", ".join(without)}: add a line for each.')
    return [found[name] for name in classes], found.get('ignore', [])
