from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from mmengine.dataset import RepeatDataset
from mmseg.registry import DATASETS
from torch.utils.data import ConcatDataset, Dataset

from mmseg_joint.datasets.wrapper import DatasetWrapper
from mmseg_joint.errors import JointError


def check_same_classes(datasets: dict[str, Any]) -> None:
    """Refuse labeled datasets whose classes differ.

    Args:
        datasets: Name in the message, e.g. ``"domain 'source'"`` → dataset.

    Raises:
        JointError: Naming the first two that differ.
    """
    labeled = {n: d for n, d in datasets.items() if getattr(d, 'labeled', True)}
    classes = {n: list(d.metainfo.get('classes') or ()) for n, d in labeled.items()}
    first, wanted = next(iter(classes.items()), ('', []))
    for name, own in classes.items():
        if own != wanted and sorted(own) == sorted(wanted):
            at = next(i for i, (one, two) in enumerate(zip(wanted, own)) if one != two)
            raise JointError(
                f'{first} and {name} have the same classes in another order, class {at} is '
                f'{wanted[at]} / {own[at]}: give them one order, e.g. with metainfo.classes'
            )
        if own != wanted:
            raise JointError(
                f'{first} has {len(wanted)} classes {_differing(wanted, own)} and {name} has '
                f'{len(own)} {_differing(own, wanted)}: give them the same classes in the same '
                "order, e.g. with protocol='camvid' or metainfo.classes"
            )


def _differing(own: list[str], other: list[str]) -> str:
    """Name a few classes that the first list has and the second lacks."""
    extra = [c for c in own if c not in other]
    return f'(among them {extra[:3]})' if extra else '(none of its own)'


class Chain(Dataset):
    """Several datasets concatenated into one.

    Unlike mmengine's ``ConcatDataset``, it also accepts wrappers (``LabelSubset``, ``Unlabeled``)
    and does not require palettes and the like to be equal.

    Args:
        datasets: Datasets or their configs.
        name: Of the list in messages.

    Raises:
        JointError: When there is no dataset, or their classes differ.
    """

    def __init__(self, datasets: Sequence[Any], name: str) -> None:
        if not datasets:
            raise JointError(f'{name} is an empty list: name its datasets')
        self.datasets = [DATASETS.build(d) if isinstance(d, dict) else d for d in datasets]
        check_same_classes({f'{name}.{i}': d for i, d in enumerate(self.datasets)})
        self.labeled = any(getattr(d, 'labeled', True) for d in self.datasets)
        self._ends: list[int] = []

    @property
    def metainfo(self) -> dict:
        """The first dataset's metainfo."""
        return self.datasets[0].metainfo

    def full_init(self) -> None:
        """Initialize every dataset, once."""
        if not self._ends:
            for dataset in self.datasets:
                dataset.full_init()
            self._ends = list(accumulate(len(d) for d in self.datasets))

    def locate(self, index: int) -> tuple[int, int]:
        """Return the index of a sample's dataset and the sample's index within it.

        Raises:
            IndexError: When there is no such sample.
        """
        if not 0 <= index < len(self):
            raise IndexError(f'sample {index} of {len(self)}')
        part = bisect_right(self._ends, index)
        return part, index - (self._ends[part - 1] if part else 0)

    def get_data_info(self, index: int) -> dict:
        """Return the sample's paths and the like, as mmengine's datasets do."""
        part, inner = self.locate(index)
        return self.datasets[part].get_data_info(inner)

    def __len__(self) -> int:
        self.full_init()
        return self._ends[-1]

    def __getitem__(self, index: int) -> Any:
        part, inner = self.locate(index)
        return self.datasets[part][inner]


def dataset_of(dataset: Any, index: int) -> Any:
    """Find the dataset that holds a sample, inside all wrappers.

    Args:
        dataset: A dataset, or wrappers around datasets; all initialized.
        index: The sample's index in it.
    """
    if isinstance(dataset, Chain):
        part, inner = dataset.locate(index)
        return dataset_of(dataset.datasets[part], inner)
    if isinstance(dataset, ConcatDataset):
        part = bisect_right(dataset.cumulative_sizes, index)
        before = dataset.cumulative_sizes[part - 1] if part else 0
        return dataset_of(dataset.datasets[part], index - before)
    if isinstance(dataset, RepeatDataset):
        return dataset_of(dataset.dataset, index % len(dataset.dataset))
    if isinstance(dataset, DatasetWrapper):
        return dataset_of(dataset.dataset, dataset.inner_index(index))
    # another's wrapper: its samples are like the first
    parts = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    return dataset if parts[0] is None else dataset_of(parts[0], 0)
