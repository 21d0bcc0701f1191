from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

from .markdown import list_table
from .metafiles import Metafile, read_metafiles, read_tables
from .rows import SMALL

README = 'README.md'
OTHERS = """| config of no table | what it is |
| --- | --- |"""
HEAD = """# The configs, paper by paper

Written by `python tools/tables.py --write-readme` from the metafiles: rows are added
and numbers corrected there. `python tools/tables.py --run ID` trains the rows of a table; its ID
stands in brackets ([docs/tables.md](../docs/tables.md)). "mIoU in the paper" is what the paper
reports; "measured" is our own mean ± standard deviation of the seeds.
"""


def write_readme(index: str | Path) -> str:
    """List all configs, paper by paper, with their rows and numbers."""
    tables = read_tables(index)
    scales = [f'- `{scale}`: the same row on {what}.' for scale, what in SMALL.items()]
    parts = [HEAD, '\n'.join(scales)]
    for file in read_metafiles(index):
        for collection in file.collections:
            parts.append(_title(collection))
            parts += [list_table(t, recorded=True) for t in tables if t.paper == collection['Name']]
            others = list(_others(file, collection['Name']))
            parts += ['\n'.join([OTHERS, *others])] if others else []
    return '\n\n'.join(part.rstrip('\n') for part in parts) + '\n'


def _title(collection: dict[str, Any]) -> str:
    paper, page = collection.get('Paper'), collection.get('README')
    text = f'## {collection["Name"]}\n'
    text += f'\n[{paper["Title"]}]({paper["URL"]}).' if paper else ''
    return f'{text}\nSee [{page}](../{page}).' if page else text


def _others(file: Metafile, name: str) -> Iterator[str]:
    """Yield the configs that run no row, with the comments in their first lines."""
    for model in file.models:
        if model['In Collection'] == name and not model.get('Results'):
            path = file.root / model['Config']
            lines = path.read_text(encoding='utf-8').splitlines()
            comment = [line.strip('# ') for line in takewhile(lambda x: x.startswith('#'), lines)]
            yield f'| [`{path.stem}`]({path.name}) | {" ".join(comment)} |'
