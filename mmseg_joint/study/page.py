"""A report in Markdown, and as one page of HTML."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; background: #fff; }
p, ul { max-width: 46rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #ddd; white-space: nowrap; }
th { border-bottom: 2px solid #888; font-weight: 600; vertical-align: bottom; text-align: left; }
.scroll { overflow-x: auto; } img { width: 100%; min-width: 44rem; }
"""


def items(texts: Sequence[str]) -> str:
    """Write a list of sentences."""
    return '\n'.join(f'- {text}' for text in texts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], others: str = '---:') -> str:
    """Write a table: the first column left-aligned, the others, by default, right-aligned."""
    lines = [head, ['---', *[others] * (len(head) - 1)], *rows]
    return '\n'.join(f'| {" | ".join(cells)} |' for cells in lines)


def to_html(markdown: str, folder: Path) -> str:
    """Turn a report into one self-contained page, with the images of the folder embedded."""

    def inline(found: re.Match[str]) -> str:
        data = base64.b64encode((folder / found[1]).read_bytes()).decode()
        return (
            f'<div class="scroll"><img alt="{found[2]}" src="data:image/png;base64,{data}"></div>'
        )

    body = MarkdownIt('commonmark', {'html': False}).enable('table').render(markdown)
    body = re.sub(r'<p><img src="(.*?)" alt="(.*?)" /></p>', inline, body)
    body = body.replace('<table>', '<div class="scroll"><table>')
    body = body.replace('</table>', '</table></div>')
    title = escape(markdown.partition('\n')[0].lstrip('# '))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title}</title><style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n'
    )
