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
    #: `'paper'`, or what else it is trained on: the small data that a sibling of the paper's
    #: config runs on, or a study's
    scale: str
    #: pairs of labeled images and the expected mIoU in percent, rising
    miou: tuple[tuple[int, float], ...]
    path: Path | None  #: the config's file; None for a row that is only quoted
    #: what the metafile records of our own runs: mIoU, labels and seeds
    measured: tuple[str, ...] = ()

    @cached_property
    def cfg(self) -> Config | None:
        """What its config holds, read when it is first asked for."""
        return read_config(str(self.path), import_custom_modules=False) if self.path else None

    @property
    def stem(self) -> str:
        """The config's name, and that of its folder of runs."""
        return self.path.stem if self.path else ''

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the trainings that it consists of; none for a single one."""
        return tuple(stage['name'] for stage in (self.cfg or {}).get('stages') or ())

    @property
    def parts(self) -> tuple[Config, ...]:
        """Its config, of each stage; none for a row that is quoted."""
        if self.cfg is None:
            return ()
        cfg = copy.deepcopy(self.cfg)
        cfg.work_dir = ''  # stages have folders in it
        return parts_of(cfg)

    @property
    def is_free(self) -> bool:
        """Whether its config trains with any number of labels."""
        return self.cfg is not None and bool(labels_of(self.cfg))

    def labels(self, cfg: Config | None = None) -> int | None:
        """Count the labeled target images of this row, or of the config of one of its runs.

        0 for none at all, None for all there are.
        """
        if self.cfg is None:
            return 0  # a row that is quoted
        own = labels_of(self.cfg)
        # a run in stages may not have come to the one with labels yet
        found = own if cfg is None or own == 0 else subset_of(cfg)
        # which of a dataset are all, the paper says
        return self.miou[0][0] if found is None and len(self.miou) == 1 else found

    def paper(self, labels: int | None) -> float | None:
        """Look up the paper's result in percent; None if it has none for as many labels."""
        return None if labels is None else dict(self.miou).get(labels)


def parts_of(cfg: Config) -> tuple[Config, ...]:
    """Split a config into those of the stages that it consists of; itself without any."""
    return tuple(stage.cfg for stage in read_stages(cfg)) if cfg.get('stages') else (cfg,)


@dataclass(frozen=True)
class Comparison:
    """Rows that are compared: the methods of a study, or the rows of a paper's table."""

    id: str
    names: tuple[str, ...]  #: the rows' names in their order
    base: str | None  #: the row that the others are compared with, if there is one
    rows: tuple[Row, ...]  #: the rows with their configs, at each scale in that order

    def at(self, scale: str) -> list[Row]:
        """Choose the rows that a config runs at a scale; at a paper's also quoted ones."""
        return [row for row in self.rows if row.scale == scale]


def labels_of(cfg: Config) -> int | None:
    """Count the labeled target images that one stage's config trains with; None if not known."""
    shares = cfg.train_dataloader.sampler.samples_per_domain
    return subset_of(cfg) if target_of(cfg) and shares.get('target', 0) else 0


def subset_of(cfg: Config) -> int | None:
    """Count the labeled target images that a config has, whether it trains with them or not.

    A stage of a training may leave the labels to another stage. None if it does not say.
    """
    return (target_of(cfg) or {}).get('count') if takes_subset(cfg) else None


def takes_subset(cfg: Config) -> bool:
    """Whether a config takes some of the labeled target images, drawn with a seed."""
    return (target_of(cfg) or {}).get('type') == 'LabelSubset'


def target_of(cfg: Config) -> dict[str, Any] | None:
    """The config's dataset of labeled target images; pseudo-labels are none."""
    found = cfg.train_dataloader.dataset.domains.get('target')
    return None if found and found.get('type') == 'WrittenDataset' else found
