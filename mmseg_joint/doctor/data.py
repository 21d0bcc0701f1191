from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from mmengine.config import Config
from mmseg.registry import DATASETS

from mmseg_joint.checks.parts import check_arguments, check_types, reason_of
from mmseg_joint.datasets import JointDataset
from mmseg_joint.datasets.chain import check_same_classes
from mmseg_joint.datasets.raw_label_dataset import RawLabelDataset
from mmseg_joint.datasets.streets.dataset import LoadStreet
from mmseg_joint.errors import JointError

from .report import Report

READS_PICTURES = (LoadImageFromFile, LoadStreet)
READS_LABELS = (LoadAnnotations, LoadStreet)


@dataclass
class Part:
    """One data set of a config, out of the lists and chains that it stands in.

    Attributes:
        name: Its domain, or `val` or `test`; with a number if there are several.
        key: Its place in the config.
        dataset: The data set, initialised.
    """

    name: str
    key: str
    dataset: Any

    @property
    def labelled(self) -> bool:
        """Whether its labels are read."""
        return getattr(self.dataset, 'labelled', True)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(self.dataset.metainfo.get('classes') or ())

    @property
    def innermost(self) -> Any:
        """The data set within all wrappers (the first, where a wrapper holds several)."""
        found = self.dataset
        while not hasattr(found, 'pipeline'):
            several = getattr(found, 'datasets', None)
            inner = several[0] if several else getattr(found, 'dataset', None)
            if inner is None:
                break
            found = inner
        return found

    @property
    def lists_labels(self) -> bool:
        """Whether the data set itself has compared pictures and labels."""
        return isinstance(self.innermost, RawLabelDataset)

    @cached_property
    def loaders(self) -> list[Any] | None:
        """The steps of the pipeline that read files; None if they cannot be told apart."""
        steps = getattr(getattr(self.innermost, 'pipeline', None), 'transforms', None)
        if steps is None or not hasattr(self.dataset, 'get_data_info'):
            return None
        found = [step for step in steps if isinstance(step, READS_PICTURES + READS_LABELS)]
        return found if any(isinstance(step, READS_PICTURES) for step in found) else None

    @property
    def loads_labels(self) -> bool:
        """Whether the pipeline has a step that reads labels, as far as can be told."""
        return self.loaders is None or any(isinstance(x, READS_LABELS) for x in self.loaders)

    def __len__(self) -> int:
        return len(self.dataset)


def open_datasets(cfg: Config, report: Report) -> list[Part]:
    """Build every data set of a config; each that fails is one problem.

    Args:
        cfg: The whole config.
        report: Takes the problems.

    Returns:
        The data sets that can be read.
    """
    parts, domains = [], {}
    for name, key, value in _configured(cfg):
        built = _build(name, key, value, cfg, report)
        if built is None:
            continue
        if key.startswith('train_'):
            domains[f"domain '{name}'"] = built
        parts.extend(_split(name, key, built))
    try:
        check_same_classes(domains)
    except JointError as error:
        report.problem(error)
    return parts


def _configured(cfg: Config) -> Iterator[tuple[str, str, Any]]:
    """Name, key and config of each data set; a test set that equals val's is left out."""
    seen = []
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        dataset = (cfg.get(loader) or {}).get('dataset')
        if dataset is None or dataset in seen:
            continue
        seen.append(dataset)
        key = f'{loader}.dataset'
        if 'domains' in dataset:
            for name, value in (dataset['domains'] or {}).items():
                yield name, f'{key}.domains.{name}', value
        else:
            yield loader.split('_')[0], key, dataset


def _build(name: str, key: str, value: Any, cfg: Config, report: Report) -> Any:
    try:
        if '.domains.' in key:
            dataset = JointDataset({name: value}, lazy_init=True).domains[name]
        else:
            dataset = DATASETS.build(value)
        dataset.full_init()
        if len(dataset) == 0:
            raise JointError('no pictures were found: correct data_root and data_prefix')
        return dataset
    except JointError as error:
        sentence = str(error)
    except Exception as error:  # mmseg's own data sets raise anything for an absent folder
        try:
            check_types(cfg, 'train')
            check_arguments(cfg, 'train')
        except JointError as better:
            report.problem(better)
            return None
        # mmengine cannot serialise an empty list
        empty = 'concatenate' in str(error)
        reason = 'no pictures were found' if empty else reason_of(error)
        sentence = f'it cannot be built ({reason}): correct data_root, data_prefix and ann_file'
    report.problem(sentence if key in sentence else f'{key}: {sentence}')
    return None


def _split(name: str, key: str, dataset: Any) -> list[Part]:
    several = getattr(dataset, 'datasets', None)
    if not several:
        return [Part(name, key, dataset)]
    named = [(f'{name}[{index}]', f'{key}.{index}', part) for index, part in enumerate(several)]
    return [part for inner in named for part in _split(*inner)]
