from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope

from .batches import Batch
from .configs import prepare
from .loop import start
from .memory import peak_memory
from .settings import Settings


@dataclass
class Variant:
    """Something whose steps are measured in comparison with others."""

    cfg: Config
    batch: Batch
    dtype: str | None = None  #: precision; None uses that of the settings
    #: builds its loop from the prepared config; importable by name
    build: Callable[[Config], Any] = start


@contextmanager
def started(
    variants: dict[str, Variant], settings: Settings
) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
    """Bring variants to just before their first step; yield loops, and peak memory if measured."""
    first = next(iter(variants.values()))
    init_default_scope(first.cfg.get('default_scope', 'mmseg'))
    with tempfile.TemporaryDirectory() as folder:
        prepared = {}
        for index, (name, one) in enumerate(variants.items()):
            own = replace(settings, dtype=one.dtype or settings.dtype)
            place = Path(folder) / str(index)
            prepared[name] = prepare(one.cfg, own, f'benchmark_{index}', str(place))
        peaks = {}
        if settings.memory:  # before any loop exists here: a GPU holds one at a time
            for name, one in variants.items():
                peaks[name] = peak_memory(prepared[name], one.batch, settings, one.build)
        yield {name: one.build(prepared[name]) for name, one in variants.items()}, peaks
