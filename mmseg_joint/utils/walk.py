from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def dicts_in(node: Any, key: str = '') -> Iterator[tuple[str, dict[str, Any]]]:
    """List the dicts in a part of a config by their dotted keys, outer ones before inner ones."""
    if isinstance(node, dict):
        yield key, node
    elif isinstance(node, (list, tuple)):
        node = dict(enumerate(node))
    else:
        return
    for name, child in node.items():
        yield from dicts_in(child, f'{key}.{name}' if key else str(name))
