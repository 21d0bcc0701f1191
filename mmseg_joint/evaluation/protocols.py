from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mmseg_joint.datasets.label_maps import EVAL_CLASS_SETS
from mmseg_joint.errors import JointError

ALL = 'all'
ARGUMENT = 'ProtocolIoUMetric.protocols'
OF = 'of'  # "13of16": the mean over 13 classes, on the pixels of 16
AVERAGE, COUNT = 'average', 'count'


class Protocol(NamedTuple):
    """The classes that a mean is taken over, and those with pixels that count for it."""

    average: Any  #: the classes that the mean is over, by name or index, or `'all'`
    count: Any  #: the classes whose ground-truth pixels are counted, those of `average` among them


def named_protocols(protocols: Any) -> dict[str, Protocol]:
    """Give every protocol of a config a name.

    Returns:
        Name → classes to average over and to count; in the config's order.

    Raises:
        JointError: When there is none, one is unknown, or two have the same name.
    """
    if isinstance(protocols, Mapping):
        pairs = list(protocols.items())
    else:
        given = [protocols] if isinstance(protocols, (str, int)) else protocols
        # --cfg-options turns '16' into a number
        pairs = [(one if isinstance(one, (str, int)) else len(one), one) for one in given]
    found: dict[str, Protocol] = {}
    for name, classes in ((str(key), value) for key, value in pairs):
        if name in found:
            raise JointError(
                f'{ARGUMENT} has two protocols called {name}: name them with a dict(name=classes, '
                '…).'
            )
        found[name] = _protocol(name, classes)
    if not found:
        raise JointError(f'{ARGUMENT} is empty: name them with a dict(name=classes, …).')
    return found


def _protocol(name: str, classes: Any) -> Protocol:
    if isinstance(classes, Mapping):
        if set(classes) != {AVERAGE, COUNT}:
            raise JointError(
                f"{ARGUMENT}: protocol '{name}' has {', '.join(map(str, classes))}: give it "
                f'{AVERAGE}=classes and {COUNT}=classes.'
            )
        return Protocol(_known(classes[AVERAGE]), _known(classes[COUNT]))
    if isinstance(classes, str) and OF in classes:
        average, count = classes.split(OF, 1)
        return Protocol(_known(average), _known(count))
    known = _known(classes)
    return Protocol(known, known)


def _known(classes: Any) -> Any:
    if not isinstance(classes, (str, int)):
        return tuple(classes)
    if str(classes) == ALL:
        return ALL
    if str(classes) not in EVAL_CLASS_SETS:
        raise JointError(
            f'{ARGUMENT} has {classes!r}: choose from {", ".join([ALL, *EVAL_CLASS_SETS])}, '
            'or two of them like 13of16, or write dict(name=classes, …).'
        )
    return EVAL_CLASS_SETS[str(classes)]


def protocol_indices(name: str, protocol: Protocol, classes: Sequence[str]) -> Protocol:
    """Find a protocol's classes among those of a dataset, as lists of indices in its order.

    Raises:
        JointError: When the dataset lacks a class, one is named twice, or one that is averaged
            over is not counted.
    """
    average, count = (_indices(name, wanted, classes) for wanted in protocol)
    uncounted = [classes[index] for index in average if index not in count]
    if uncounted:
        raise JointError(
            f"{ARGUMENT}: protocol '{name}' averages over {uncounted[0]}, whose pixels it does not "
            f'count: add it to {COUNT}.'
        )
    return Protocol(average, count)


def _indices(name: str, wanted: Any, classes: Sequence[str]) -> list[int]:
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
