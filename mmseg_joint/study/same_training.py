from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

from mmseg_joint.utils.walk import value_of

from .rows import TARGET

# what determines a network's training and its score; the other keys say where files lie and what
# is logged
SECTIONS = (
    'train_cfg.max_iters',
    'model',
    'train_dataloader',
    'optim_wrapper',
    'param_scheduler',
    'custom_hooks',
    'val_dataloader',
    'val_evaluator',
)
# the training does not depend on where files lie or how many processes read them
INDIFFERENT = frozenset(
    {'data_root', 'checkpoint', 'prepared', 'num_workers', 'persistent_workers', 'pin_memory'}
)
# names in configs of earlier runs, for classes that compute the same
SAME = {'FastSegformerHead': 'SegformerHead'}
DRAW = (f'{TARGET}.count', f'{TARGET}.seed')  # differs between the runs of a row
ABSENT = 'nothing'


def first_difference(
    done: Config, wanted: Config, any_draw: bool = False
) -> tuple[str, Any, Any] | None:
    """Find the first difference between a run's config and another run's, or the one wanted now.

    With `any_draw`, the drawn labeled images may differ, as they do between runs of a row.

    Returns:
        The first key whose values differ, and both values; None if the training is the same.
    """
    for section in SECTIONS:
        before, now = (dict(_flat(value_of(cfg, section), section)) for cfg in (done, wanted))
        for key in [*before, *(key for key in now if key not in before)]:
            old, new = before.get(key, ABSENT), now.get(key, ABSENT)
            if old != new and not (any_draw and key in DRAW):
                return key, old, new
    return None


def _flat(node: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Yield key and value of every leaf that matters; None counts as absent, a tuple as a list."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name not in INDIFFERENT:
                yield from _flat(value, f'{key}.{name}')
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            yield from _flat(value, f'{key}.{index}')
    elif node is not None:
        yield key, SAME.get(node, node) if isinstance(node, str) else node
