from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmseg_joint.datasets.label_maps import EVAL_CLASS_SETS
from mmseg_joint.errors import JointError

ALL = 'all'
ARGUMENT = 'ProtocolIoUMetric.protocols'


def named_protocols(protocols: Any) -> dict[str, Any]:
    """Give every protocol of a config a name.

    Args:
        protocols: A name, several of them, or a dict of name → classes; as
            :class:`ProtocolIoUMetric` takes it.

    Returns:
        Name → class names or indices, or ``'all'``; in the config's order.

    Raises:
        JointError: When there is none, one is unknown, or two have the same name.
    """
    if isinstance(protocols, Mapping):
        pairs = [(str(name), classes) for name, classes in protocols.items()]
    else:
        single = isinstance(protocols, (str, int))
        pairs = [_pair(protocol) for protocol in ([protocols] if single else protocols)]
    names = [name for name, _ in pairs]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if not pairs or repeated:
        what = f'has two protocols called {repeated[0]}' if repeated else 'is empty'
        raise JointError(f'{ARGUMENT} {what}: name them with a dict(name=classes, …).')
    return {name: _known(classes) for name, classes in pairs}


def _pair(protocol: Any) -> tuple[str, Any]:
    if isinstance(protocol, (str, int)):  # --cfg-options makes a number of '16'
        return str(protocol), str(protocol)
    return str(len(protocol)), protocol


def _known(classes: Any) -> Any:
    if not isinstance(classes, (str, int)):
        return tuple(classes)
    if str(classes) == ALL:
        return ALL
    if str(classes) not in EVAL_CLASS_SETS:
        raise JointError(
            f'{ARGUMENT} has {classes!r}: choose from {", ".join([ALL, *EVAL_CLASS_SETS])}, '
            'or write dict(name=classes, …).'
        )
    return EVAL_CLASS_SETS[str(classes)]


def class_indices(name: str, wanted: Any, classes: Sequence[str]) -> list[int]:
    """Find a protocol's classes among those of a dataset.

    Args:
        name: The protocol's name.
        wanted: Its classes, by name or index, or ``'all'``.
        classes: The dataset's class names.

    Returns:
        Indices of classes, in the dataset's order.

    Raises:
        JointError: When the dataset lacks one, or one is named twice.
    """
    if wanted == ALL:
        return list(range(len(classes)))
    missing = [c for c in wanted if c not in classes and c not in range(len(classes))]
    if missing or not wanted:
        what = f'needs {", ".join(map(str, missing[:3]))}' if missing else 'has no class'
        raise JointError(
            f"{ARGUMENT}: protocol '{name}' {what}, but the dataset's {len(classes)} classes are "
            f'{", ".join(classes)}: choose from these.'
        )
    found = [c if isinstance(c, int) else list(classes).index(c) for c in wanted]
    if len(set(found)) < len(found):
        raise JointError(f"{ARGUMENT}: protocol '{name}' names a class twice: name it once.")
    return sorted(found)
