from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

# what decides how a network is trained; the rest says where files lie, what is logged and tested
SECTIONS = ('model', 'train_dataloader', 'optim_wrapper', 'param_scheduler', 'custom_hooks')
# the same training wherever the files lie and however many processes read them
INDIFFERENT = frozenset(
    {'data_root', 'checkpoint', 'prepared', 'num_workers', 'persistent_workers', 'pin_memory'}
)
ABSENT = 'nothing'


def first_difference(done: Config, wanted: Config) -> str | None:
    """Compare the config that a run was trained with and the one that it would have now.

    Args:
        done: mmengine's copy of the run's config.
        wanted: The config.

    Returns:
        The first key whose values differ, with both; None if the training is the same.
    """
    for section in SECTIONS:
        before, now = dict(_flat(done.get(section))), dict(_flat(wanted.get(section)))
        for key in [*before, *(key for key in now if key not in before)]:
            old, new = before.get(key, ABSENT), now.get(key, ABSENT)
            if old != new:
                return f'{section}{key}={old}, and {new} is wanted now'
    return None


def _flat(node: Any, key: str = '') -> Iterator[tuple[str, Any]]:
    """Key and value of every leaf that matters; None counts as absent, a tuple as a list."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name not in INDIFFERENT:
                yield from _flat(value, f'{key}.{name}')
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            yield from _flat(value, f'{key}.{index}')
    elif node is not None:
        yield key, node
