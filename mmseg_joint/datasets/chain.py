from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from torch.utils.data import Dataset

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
        datasets: At least one dataset, initialized or not.
    """

    def __init__(self, datasets: Sequence[Any]) -> None:
        self.datasets = list(datasets)
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
