from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from mmengine.config import Config

from mmseg_joint.checks.parts import check_refusal
from mmseg_joint.checks.samples import innermost, single_datasets
from mmseg_joint.datasets import JointDataset
from mmseg_joint.datasets.chain import check_same_classes, dataset_of
from mmseg_joint.engine.sections import LOADERS
from mmseg_joint.errors import JointError, reason_of
from mmseg_joint.streets.dataset import LoadStreet
from mmseg_joint.utils.walk import value_of

from .report import Report

READS_IMAGES = (LoadImageFromFile, LoadStreet)
READS_LABELS = (LoadAnnotations, LoadStreet)


@dataclass
class OpenDataset:
    """One dataset of a config, taken out of the lists and chains around it."""

    name: str  #: its domain, or `val` or `test`; with a number if there are several
    key: str  #: its place in the config
    dataset: Any  #: the dataset, initialized

    @property
    def labeled(self) -> bool:
        """Whether its labels are read."""
        return getattr(self.dataset, 'labeled', True)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(self.dataset.metainfo.get('classes') or ())

    @cached_property
    def innermost(self) -> Any:
        """The dataset within all wrappers (the first, where a wrapper holds several)."""
        return innermost(self.dataset)

    def loaders(self, index: int = 0) -> list[Any] | None:
        """Return the pipeline steps that read a sample's files; None if they are not known."""
        pipeline = getattr(dataset_of(self.dataset, index), 'pipeline', None)
        steps = getattr(pipeline, 'transforms', ())
        found = [step for step in steps if isinstance(step, READS_IMAGES + READS_LABELS)]
        reads_images = any(isinstance(step, READS_IMAGES) for step in found)
        return found if reads_images and hasattr(self.dataset, 'get_data_info') else None

    def __len__(self) -> int:
        return len(self.dataset)


def open_datasets(cfg: Config, report: Report) -> list[OpenDataset]:
    """Build every dataset of a config; return the readable ones and report the others."""
    found, domains = [], {}
    for name, key, value in _configured(cfg):
        built = tried(key, partial(_open, name, key, value), cfg, report)
        if built is not None:
            for place, part in list(single_datasets(built, key)) or [(key, built)]:
                numbers = place.removeprefix(key).split('.')[1:]
                found.append(
                    OpenDataset(''.join([name, *map('[{}]'.format, numbers)]), place, part)
                )
            if key.startswith('train_'):
                domains[f"domain '{name}'"] = built
    try:
        check_same_classes(domains)
    except JointError as error:
        report.problem(error)
    return found


def tried(key: str, make: Callable[[], Any], cfg: Config, report: Report) -> Any:
    """Build a part of the config; if that fails, report a problem and return None."""
    try:
        return make()
    except JointError as error:
        message = str(error)
    except Exception as error:  # the user's classes can raise anything
        message = f'{key} cannot be built ({reason_of(error)}): check every value and type in it.'
        try:
            check_refusal(cfg, 'train', error)
        except JointError as better:
            message = str(better)
    report.problem(message if key in message else f'{key}: {message}')
    return None


def _configured(cfg: Config) -> Iterator[tuple[str, str, Any]]:
    """Name, key and config of each dataset; a test set that equals val's is left out."""
    seen = []
    for loader in LOADERS:
        key = f'{loader}.dataset'
        dataset = value_of(cfg, key)
        if dataset is None or dataset in seen:
            continue
        seen.append(dataset)
        if 'domains' in dataset:
            for name, value in (dataset['domains'] or {}).items():
                yield name, f'{key}.domains.{name}', value
        else:
            yield loader.split('_')[0], key, dataset


def _open(name: str, key: str, value: Any) -> Any:
    try:
        joint = JointDataset({name: value})  # raises one clear sentence about what cannot be read
    except JointError as error:
        message = str(error).replace(f'train_dataloader.dataset.domains.{name}', key)
        raise JointError(message) from error
    if len(joint) == 0:
        raise JointError(f'{key}: no images were found, correct data_root and data_prefix')
    return joint.domains[name]
