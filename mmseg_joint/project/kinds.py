"""The kinds of files in a folder: where they are, how their names end, and which are labels."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_joint.checks.samples import spread
from mmseg_joint.errors import JointError

IMAGES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp')
# what names of one kind share: aachen_000001_gtFine_labelIds.png -> _gtFine_labelIds.png
TAIL = re.compile(r'((?:_[A-Za-z][A-Za-z0-9]*)*)(\.\w+)$')
MOST_KINDS = 6  # with more kinds of files in a folder, tails are names
LOOKED_AT = 4  # files inspected per kind
MOST_VALUES = 64  # of a label; photographs have more
DEEP, GRAY = 'more than 8 bits', 'three equal channels'
FORMS = dict.fromkeys(('1', 'L', 'P'), 'index') | dict.fromkeys(('I', 'I;16', 'I;16B', 'F'), DEEP)

Kind = tuple[str, str]
"""Folder within the root, and suffix of the names."""


def shown(kind: Kind) -> str:
    """Write a kind like `images/*.png`."""
    return f'{kind[0] or "."}/*{kind[1]}'


def kinds_in(root: Path) -> dict[Kind, list[str]]:
    """List the names of all images, and of labels, in a folder and below, by their kind."""
    found: dict[Kind, list[str]] = {}
    for folder, _, files in os.walk(root, followlinks=True):
        place = os.path.relpath(folder, root)
        place = '' if place == '.' else place
        # mmengine leaves hidden files out, like macOS' ._0.jpg
        names = sorted(x for x in files if x.lower().endswith(IMAGES) and x[0] != '.')
        ends = {name: Path(name).suffix for name in names}
        tails = {x: match[0] for x in names if (match := TAIL.search(x)) and match.start()}
        if len({*(ends | tails).values()}) > MOST_KINDS:
            tails = {}
        for name in names:
            found.setdefault((place, tails.get(name, ends[name])), []).append(name)
    return dict(sorted(found.items()))


def form_of(root: Path, kind: Kind, names: list[str]) -> str | None:
    """Classify labels as `'index'`, `'color'`, `DEEP` or `GRAY`; return None for other files."""
    looks = set()
    for index in spread(len(names), LOOKED_AT):
        try:
            with Image.open(root / kind[0] / names[index]) as image:
                if image.format == 'JPEG':
                    return None
                look = FORMS.get(image.mode, 'color')
                single = look != 'color'
                pixels = np.array(image if single else image.convert('RGB'))
        except OSError as error:
            raise JointError(
                f'{root / kind[0] / names[index]} cannot be read ({error}): remove or replace it.'
            ) from error
        values = np.unique(pixels if single else pixels.reshape(-1, 3), axis=None if single else 0)
        if len(values) > MOST_VALUES:
            return None
        gray = not single and (values == values[:, :1]).all()
        looks.add(GRAY if gray else look)
    if 'color' in looks:
        looks.discard(GRAY)  # a file whose classes all happen to be gray
    return looks.pop() if len(looks) == 1 else None
