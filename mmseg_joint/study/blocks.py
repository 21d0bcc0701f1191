"""A report as a list of blocks, written as Markdown or as one page of HTML."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; background: #fff; }
p, ul { max-width: 46rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #ddd; text-align: right;
  white-space: nowrap; }
th { border-bottom: 2px solid #888; font-weight: 600; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
.scroll { overflow-x: auto; } img { width: 100%; min-width: 44rem; }
"""


@dataclass(frozen=True)
class Heading:
    """A title; level 1 is the report's."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Plain words."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    texts: Sequence[str]


@dataclass(frozen=True)
class Table:
    """Cells of text; a cell between `**` is bold."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Image:
    """An image beside the report."""

    file: Path
    text: str


Block = Heading | Paragraph | Items | Table | Image


def to_markdown(blocks: Sequence[Block]) -> str:
    """Write blocks as Markdown, with images by their names."""
    return '\n\n'.join(map(_markdown, blocks)) + '\n'


def _markdown(block: Block) -> str:
    if isinstance(block, Heading):
        return f'{"#" * block.level} {block.text}'
    if isinstance(block, Items):
        return '\n'.join(f'- {text}' for text in block.texts)
    if isinstance(block, Table):
        lines = [block.head, ['---', *['---:'] * (len(block.head) - 1)], *block.rows]
        return '\n'.join(f'| {" | ".join(cells)} |' for cells in lines)
    if isinstance(block, Image):
        return f'![{block.text}]({block.file.name})'
    return block.text


def to_html(blocks: Sequence[Block]) -> str:
    """Write blocks as one page that needs no other file."""
    title = next((block.text for block in blocks if isinstance(block, Heading)), '')
    body = '\n'.join(map(_html, blocks))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n'
    )


def _html(block: Block) -> str:
    if isinstance(block, Heading):
        return f'<h{block.level}>{escape(block.text)}</h{block.level}>'
    if isinstance(block, Items):
        return f'<ul>{"".join(f"<li>{escape(text)}</li>" for text in block.texts)}</ul>'
    if isinstance(block, Table):
        rows = [_cells(block.head, 'th'), *(_cells(row, 'td') for row in block.rows)]
        return f'<div class="scroll"><table>{"".join(rows)}</table></div>'
    if isinstance(block, Image):
        data = base64.b64encode(block.file.read_bytes()).decode()
        picture = f'<img alt="{escape(block.text)}" src="data:image/png;base64,{data}">'
        return f'<div class="scroll">{picture}</div>'
    return f'<p>{escape(block.text)}</p>'


def _cells(texts: Sequence[str], tag: str) -> str:
    return f'<tr>{"".join(f"<{tag}>{_bold(text)}</{tag}>" for text in texts)}</tr>'


def _bold(text: str) -> str:
    if text.startswith('**') and text.endswith('**') and len(text) > 4:
        return f'<b>{escape(text[2:-2])}</b>'
    return escape(text)
