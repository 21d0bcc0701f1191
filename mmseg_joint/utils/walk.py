"""Reading a config by dotted keys, wherever its values stand, and the classes that it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry


def class_of(kind: Any, registry: Registry) -> type | None:
    """Find the class, if any, that a config's `type` (name, dotted path or class) stands for."""
    if isinstance(kind, str):
        try:
            kind = registry.get(kind)
        except Exception:  # of a name like a dotted path, whatever its import raises
            return None
    return kind if isinstance(kind, type) else None


def value_of(node: Any, key: str) -> Any:
    """Read the value of a dotted key; None if it, or a part around it, is not there."""
    for part in key.split('.'):
        if isinstance(node, (list, tuple)):
            node = node[int(part)] if part.isdigit() and int(part) < len(node) else None
        else:
            node = node.get(part) if isinstance(node, (dict, Config)) else None
    return node


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
