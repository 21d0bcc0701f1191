from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.registry import Registry

from mmseg_joint.utils.walk import class_of, dicts_in

PACKAGE = 'mmseg_joint'


def is_ours(found: type | None) -> bool:
    """Return whether a class is from this package, so that plain mmsegmentation lacks it."""
    return found is not None and found.__module__.split('.')[0] == PACKAGE


def find_ours(node: Any, registry: Registry, key: str) -> Iterator[tuple[str, type]]:
    """List the classes of this package that a part of a config names, each with its dotted key."""
    for place, inner in dicts_in(node, key):
        found = class_of(inner['type'], registry) if 'type' in inner else None
        if found is not None and is_ours(found):
            yield place, found
