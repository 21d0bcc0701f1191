"""Former names of arguments, config keys and flags: they work for one more release."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any, TypeVar

GONE = '0.3.0'  # the first version that no longer knows them
HOOKS = {'pictures': 'images'}  # keys of `default_hooks`
# config key that nothing reads anymore -> where its content belongs now
MOVED = {
    'table_row': "the row that a config runs is written in its paper's metafile, "
    'configs/metafile/<paper>.yaml (docs/tables.md), and this key is ignored: move it there'
}

Kind = TypeVar('Kind', bound=type)
_arguments: dict[type, dict[str, str]] = {}


def renamed_arguments(**names: str) -> Callable[[Kind], Kind]:
    """Let a class and its subclasses also take arguments by their former names.

    ::

        @renamed_arguments(shares='samples_per_domain')
        class JointSampler: ...

    Args:
        **names: Former name -> present name.
    """

    def decorate(kind: Kind) -> Kind:
        init = kind.__init__  # type: ignore[misc]  # a subclass's takes these names too

        @functools.wraps(init)
        def init_with_both(self: Any, *args: Any, **kwargs: Any) -> None:
            _use_present(kwargs, names, type(self).__name__)
            init(self, *args, **kwargs)

        kind.__init__ = init_with_both  # type: ignore[misc]
        _arguments[kind] = names
        return kind

    return decorate


def rename_keys(cfg: Any, where: str | None = None) -> None:
    """Replace former names in a config, so that its readers need to know only one name.

    A child config may set a former name over a base that has the present one. The child wins.

    Args:
        cfg: The config, or a part of it; changed in place.
        where: What the warnings call it; None warns of nothing, as for a file that nobody edits.
    """
    for key, now in MOVED.items():
        if cfg.pop(key, None) is not None and where:
            warnings.warn(f'{where}: {key}: {now}.', FutureWarning, stacklevel=2)
    former = {c.__name__: names for kind, names in _arguments.items() for c in _family(kind)}
    _rename(cfg, '', former, where)


def renamed_flags(argv: Iterable[str], names: dict[str, str]) -> list[str]:
    """Replace former names of flags on a command line with the present ones."""
    words = []
    for word in argv:
        flag, equals, value = word.partition('=')
        if flag in names:
            _warn('the command line', flag, names[flag])
        words.append(names.get(flag, flag) + equals + value)
    return words


def _rename(node: Any, place: str, former: dict[str, dict[str, str]], where: str | None) -> None:
    if isinstance(node, (list, tuple)):
        for index, item in enumerate(node):
            _rename(item, f'{place}{index}.', former, where)
    elif hasattr(node, 'items'):
        kind = node.get('type')
        names = former.get(getattr(kind, '__name__', str(kind).rpartition('.')[2]), {})
        if place.endswith('default_hooks.'):
            names = HOOKS
        _use_present(node, names, where, place)
        for key, value in list(node.items()):
            _rename(value, f'{place}{key}.', former, where)


def _use_present(
    values: MutableMapping[str, Any], names: dict[str, str], where: str | None, place: str = ''
) -> None:
    """Move values from former to present names, over what is there."""
    for old, new in names.items():
        if old not in values:
            continue
        if where:
            _warn(where, f'{place}{old}', new)
        value, base = values.pop(old), values.get(new)
        if isinstance(value, dict):
            # mmengine leaves the mark where it finds nothing to delete
            replaces = value.pop('_delete_', False)
            if isinstance(base, dict) and not replaces:
                value = {**base, **value}
        values[new] = value


def _warn(where: str, old: str, new: str) -> None:
    text = f'{where}: {old} is called {new} now; the old name works until version {GONE}.'
    warnings.warn(text, FutureWarning, stacklevel=2)


def _family(kind: type) -> Iterator[type]:
    yield kind
    children: list[type] = kind.__subclasses__()
    for child in children:
        yield from _family(child)
