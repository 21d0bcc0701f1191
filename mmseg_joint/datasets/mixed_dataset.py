from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg.registry import DATASETS

from mmseg_joint.datasets.chain import Chain
from mmseg_joint.errors import JointError


@DATASETS.register_module()
class MixedDataset(Chain):
    """Several datasets as one domain, each with a fixed share regardless of its size.

    Of every `sum(shares)` consecutive indices, `shares[k]` belong to dataset k. The length is what
    it takes to show every image at least once; smaller datasets repeat more often.

    Args:
        datasets: Datasets or their configs, all with the same classes.
        shares: How many samples of each, e.g. (1, 1) for equally many.

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
        super().__init__(datasets, 'MixedDataset.datasets')
        self.labeled = all(getattr(dataset, 'labeled', True) for dataset in self.datasets)
        self.shares = list(shares)
        # place within a round -> dataset, and how many of its samples the round has before
        self._round = [(k, n) for k, share in enumerate(shares) for n in range(share)]

    def locate(self, index: int) -> tuple[int, int]:
        """Return the index of a sample's dataset and the sample's index within it.

        Raises:
            IndexError: When there is no such sample.
        """
        if not 0 <= index < len(self):
            raise IndexError(f'sample {index} of {len(self)}')
        which, place = divmod(index, len(self._round))
        k, before = self._round[place]
        return k, (which * self.shares[k] + before) % len(self.datasets[k])

    def __len__(self) -> int:
        self.full_init()
        rounds = max(-(-len(part) // share) for part, share in zip(self.datasets, self.shares))
        return rounds * len(self._round)
