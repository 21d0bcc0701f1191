from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from mmseg_joint.errors import JointError

IGNORED = ('ignore', 'ignored', 'unlabeled', 'void')
GAP = r'[\s,;:]+'
#: kind -> a line of the file, and what to write there
LINES = {
    'color': (
        re.compile(rf'(\S.*?){GAP}(\d+){GAP}(\d+){GAP}(\d+)'),
        'red, green and blue, like "sky 70 130 180"',
    ),
    'id': (re.compile(rf'(\S.*?){GAP}(\d+)'), 'and its id, like "sky 23"'),
}

#: for each class the values that stand for it in label files, and those that are ignored
ClassValues = tuple[list[list], list]


def read_class_values(path: Path, classes: Sequence[str], kind: str) -> ClassValues:
    """Read which colors, or which ids, stand for each class in label files.

    Args:
        path: A file with a line for each, `NAME RED GREEN BLUE` or `NAME ID`. `ignore` or `void`
            marks ignored ones.
        classes: Names of the classes.
        kind: `'color'` or `'id'`.

    Returns:
        For each class its colors [red, green, blue], or its ids, and the ignored ones.

    Raises:
        JointError: When the file is not UTF-8, a line is malformed or names an unknown class, or a
            class has no line.
    """
    try:
        lines = path.read_text(encoding='utf-8-sig').splitlines()
    except UnicodeDecodeError as error:
        raise JointError(f'{path} is not encoded as UTF-8: save it as UTF-8.') from error
    form, example = LINES[kind]
    found: dict[str, list] = {}
    for number, text in enumerate(lines, start=1):
        line = text.partition('#')[0].strip()
        if not line:
            continue
        match = form.fullmatch(line)
        if not match:
            raise JointError(
                f'Line {number} of {path} is "{text.strip()}": write a class of --classes (or '
                f'ignore), {example}.'
            )
        name = match[1].strip(' "\'')
        if not (name in classes or name.lower() in IGNORED):
            known = {known.lower(): known for known in classes}
            near = get_close_matches(name.lower(), known, n=1)
            hint = f'did you mean {known[near[0]]}?' if near else 'correct it, or write ignore.'
            raise JointError(
                f'Line {number} of {path} has the class {name}, which --classes lacks: {hint}'
            )
        values = [int(value) for value in match.groups()[1:]]
        key = name if name in classes else 'ignore'
        found.setdefault(key, []).append(values[0] if kind == 'id' else values)
    without = [name for name in classes if name not in found]
    if without:
        raise JointError(
            f'{path} has no {kind} of {", ".join(without)}: add a line for each, with any unused '
            f'{kind} for a class that these labels never show.'
        )
    return [found[name] for name in classes], found.get('ignore', [])
