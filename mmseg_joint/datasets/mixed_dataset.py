from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg.registry import DATASETS
from torch.utils.data import Dataset

from mmseg_joint.errors import JointError


@DATASETS.register_module()
class MixedDataset(Dataset):
    """Several datasets as one domain, each with a fixed share whatever its size.

    Of every `sum(shares)` neighboring indices, `shares[k]` belong to dataset k. It is as long as
    it takes to show every image at least once; smaller datasets come round more often.

    Args:
        datasets: Datasets or their configs, all with the same classes.
        shares: How many samples of each, e.g. (1, 1) for as many of either.

    Raises:
        JointError: When there are not as many shares as datasets, a share is below 1, or the
            classes differ.
    """

    def __init__(self, datasets: Sequence[Any], shares: Sequence[int]) -> None:
        if not datasets or len(shares) != len(datasets) or min(shares) < 1:
            raise JointError(
                f'MixedDataset.shares is {list(shares)}: give one number from 1 for each of the '
                f'{len(datasets)} datasets.'
            )
        self.datasets = [DATASETS.build(d) if isinstance(d, dict) else d for d in datasets]
        self.shares = list(shares)
        # place within a round -> dataset, and how many of the round's are before it
        self._round = [(k, n) for k, share in enumerate(shares) for n in range(share)]
        self._rounds: int | None = None
        classes = {dataset.metainfo['classes'] for dataset in self.datasets}
        if len(classes) > 1:
            raise JointError(
                'MixedDataset.datasets have different classes: read them all with one protocol.'
            )

    @property
    def metainfo(self) -> dict:
        """The first dataset's."""
        return self.datasets[0].metainfo

    @property
    def labeled(self) -> bool:
        """Whether all of them have labels."""
        return all(getattr(dataset, 'labeled', True) for dataset in self.datasets)

    def full_init(self) -> None:
        """Initialize the datasets, once."""
        if self._rounds is None:
            for dataset in self.datasets:
                dataset.full_init()
            self._rounds = max(
                -(-len(dataset) // share) for dataset, share in zip(self.datasets, self.shares)
            )

    def get_data_info(self, index: int) -> dict:
        """Return the paths and the like of an image."""
        dataset, inner = self._find(index)
        return dataset.get_data_info(inner)

    def _find(self, index: int) -> tuple[Any, int]:
        self.full_init()
        which, place = divmod(index, len(self._round))
        k, before = self._round[place]
        dataset = self.datasets[k]
        return dataset, (which * self.shares[k] + before) % len(dataset)

    def __len__(self) -> int:
        self.full_init()
        return (self._rounds or 0) * len(self._round)

    def __getitem__(self, index: int) -> Any:
        dataset, inner = self._find(index)
        return dataset[inner]
