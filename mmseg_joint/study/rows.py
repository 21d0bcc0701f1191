from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_joint.engine.config_file import read_config
from mmseg_joint.engine.stages import read_stages

TARGET = 'train_dataloader.dataset.domains.target'
PAPER = 'paper'  # the scale at which rows have expected numbers


@dataclass(frozen=True)
class Row:
    """A row of a table, or a method of a study, and the config that runs it."""

    name: str  #: the row, as the paper calls it
    #: `'paper'`, or the name of other data that it is trained on: the small data of a sibling
    #: of the paper's config, or a study's data
    scale: str
    #: pairs of labeled images and the expected mIoU in percent, by rising number of images
    miou: tuple[tuple[int, float], ...]
    path: Path | None  #: the config's file; None for a row that is only quoted
    #: the metafile's record of our own runs: mIoU, labels and seeds
    measured: tuple[str, ...] = ()

    @cached_property
    def cfg(self) -> Config | None:
        """Its config, read on first access."""
        return read_config(str(self.path), import_custom_modules=False) if self.path else None

    @property
    def stem(self) -> str:
        """Name of its config, and of its folder of runs."""
        return self.path.stem if self.path else ''

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of its stages; empty for a single training."""
        return tuple(stage['name'] for stage in (self.cfg or {}).get('stages') or ())

    @property
    def parts(self) -> tuple[Config, ...]:
        """Each stage's config; empty for a row that is only quoted."""
        if self.cfg is None:
            return ()
        cfg = copy.deepcopy(self.cfg)
        cfg.work_dir = ''  # stages get folders inside it
        return parts_of(cfg)

    @property
    def is_free(self) -> bool:
        """Whether its config trains with any number of labels."""
        return self.cfg is not None and bool(labels_of(self.cfg))

    def labels(self, cfg: Config | None = None) -> int | None:
        """Count the labeled target images of this row, or of the config of one of its runs.

        0 for no label at all, None for all images.
        """
        if self.cfg is None:
            return 0  # a row that is only quoted
        own = labels_of(self.cfg)
        # a run in stages may not have reached the one with labels yet
        found = own if cfg is None or own == 0 else subset_of(cfg)
        # the paper says how many images "all" are
        return self.miou[0][0] if found is None and len(self.miou) == 1 else found

    def paper(self, labels: int | None) -> float | None:
        """Look up the paper's result in percent; None if it has none for this number of labels."""
        return None if labels is None else dict(self.miou).get(labels)


def parts_of(cfg: Config) -> tuple[Config, ...]:
    """Split a config into those of its stages; without stages, return the config itself."""
    return tuple(stage.cfg for stage in read_stages(cfg)) if cfg.get('stages') else (cfg,)


@dataclass(frozen=True)
class Comparison:
    """Rows to compare: the methods of a study, or the rows of a paper's table."""

    id: str
    names: tuple[str, ...]  #: the rows' names in order
    base: str | None  #: the row that the others are compared with, if there is one
    rows: tuple[Row, ...]  #: the rows with their configs, in that order at each scale

    def at(self, scale: str) -> list[Row]:
        """Return the rows with a config at a scale; at the paper's scale, quoted rows too."""
        return [row for row in self.rows if row.scale == scale]


def labels_of(cfg: Config) -> int | None:
    """Count the labeled target images that one stage's config trains with; None if unknown."""
    shares = cfg.train_dataloader.sampler.samples_per_domain
    return subset_of(cfg) if target_of(cfg) and shares.get('target', 0) else 0


def subset_of(cfg: Config) -> int | None:
    """Count the labeled target images that a config has, whether it trains with them or not.

    A stage may leave the labels to another stage. None if the config does not say.
    """
    return (target_of(cfg) or {}).get('count') if takes_subset(cfg) else None


def takes_subset(cfg: Config) -> bool:
    """Whether a config trains with a subset of the labeled target images, drawn with a seed."""
    return (target_of(cfg) or {}).get('type') == 'LabelSubset'


def target_of(cfg: Config) -> dict[str, Any] | None:
    """Return the config's dataset of labeled target images; pseudo-labels do not count."""
    found = cfg.train_dataloader.dataset.domains.get('target')
    return None if found and found.get('type') == 'WrittenDataset' else found
