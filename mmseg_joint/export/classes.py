from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from mmengine.registry import Registry

from mmseg_joint.utils.walk import dicts_in

PACKAGE = 'mmseg_joint'


def class_of(kind: Any, registry: Registry) -> type | None:
    """Find the class, if any, that a config's `type` (name, dotted path or class) stands for."""
    if isinstance(kind, str):
        try:
            kind = registry.get(kind)
        except Exception:  # of a name like a dotted path, whatever its import raises
            return None
    return kind if inspect.isclass(kind) else None


def is_ours(found: type | None) -> bool:
    """Whether a class is one of this package, which plain mmsegmentation has not."""
    return found is not None and found.__module__.split('.')[0] == PACKAGE


def find_ours(node: Any, registry: Registry, key: str) -> Iterator[tuple[str, type]]:
    """List the classes of this package that a part of a config names, each with its dotted key."""
    for place, inner in dicts_in(node, key):
        found = class_of(inner['type'], registry) if 'type' in inner else None
        if found is not None and is_ours(found):
            yield place, found
