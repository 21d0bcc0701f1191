"""Reading a config by dotted keys, at any depth, and finding the classes that it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry


def class_of(kind: Any, registry: Registry) -> type | None:
    """Find the class, if any, that a config or its `type` (name, dotted path or class) names."""
    if isinstance(kind, dict):
        kind = kind.get('type')
    if isinstance(kind, str):
        try:
            kind = registry.get(kind)
        except Exception:  # whatever importing a dotted path raises
            return None
    return kind if isinstance(kind, type) else None


def value_of(node: Any, key: str) -> Any:
    """Read the value of a dotted key; None if it, or a part around it, is missing."""
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


def metrics_of(evaluator: Any) -> list[dict[str, Any]]:
    """List the metrics of an evaluator's config: one, a list, or those in a dict with `metrics`."""
    if isinstance(evaluator, dict) and 'metrics' in evaluator:
        evaluator = evaluator['metrics']
    return list(evaluator) if isinstance(evaluator, (list, tuple)) else [evaluator]


Place = tuple[str, dict[str, Any]]
"""A dotted key, and the dict at that key."""


def datasets_in(node: Any, key: str, around: tuple[Place, ...] = ()) -> Iterator[tuple[Place, ...]]:
    """List the single datasets in the config of a dataset, through domains, wrappers and lists.

    Args:
        node: The config.
        key: Its dotted key.
        around: The dicts around it.

    Yields:
        The dicts around each dataset, the outermost first, and the dataset's own last.
    """
    if isinstance(node, (list, tuple)):
        for index, item in enumerate(node):
            yield from datasets_in(item, f'{key}.{index}', around)
    if not isinstance(node, dict):
        return
    around = (*around, (key, node))
    inner = {f'domains.{name}': part for name, part in (node.get('domains') or {}).items()}
    inner.update((n, node[n]) for n in ('dataset', 'datasets') if node.get(n) is not None)
    for name, part in inner.items():
        yield from datasets_in(part, f'{key}.{name}', around)
    if not inner:
        yield around
