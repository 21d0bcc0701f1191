from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from mmseg.registry import DATA_SAMPLERS
from torch.utils.data import Sampler

from mmseg_joint.datasets.joint_dataset import JointDataset, SampleRequest
from mmseg_joint.datasets.randomness import permutation
from mmseg_joint.errors import JointError
from mmseg_joint.utils.numbers import check_whole
from mmseg_joint.utils.renamed import renamed_arguments


@DATA_SAMPLERS.register_module()
@renamed_arguments(shares='samples_per_domain')
class JointSampler(Sampler):
    """Draws a fixed number of samples from each domain for every batch, forever.

    One batch is ``sum(samples_per_domain)`` consecutive draws, in the order of the domains, so
    ``train_dataloader.batch_size`` must be that sum.

    Each domain has one infinite stream: one permutation of its samples after another, each seeded
    by (seed, domain, epoch). With n samples of a domain per batch, rank r of R takes position
    ``(batch * n + j) * R + r`` for its j-th sample. So R ranks with n samples each see in one step
    what one process with n·R samples sees. Every draw is computed from its number alone, so
    resuming costs nothing.

    Args:
        dataset: The :class:`JointDataset`.
        samples_per_domain: Domain → samples per batch *on each rank*. 0 leaves a domain out.
        seed: The run's seed; if None, one that all ranks agree on.
        shuffle: Whether to permute.

    Raises:
        JointError: When a count is not a whole number, is negative, or belongs to an unknown or
            empty domain, or if all are 0.
    """

    def __init__(
        self,
        dataset: JointDataset,
        samples_per_domain: dict[str, int],
        seed: int | None = None,
        shuffle: bool = True,
    ) -> None:
        if not isinstance(dataset, JointDataset):
            raise JointError(
                'JointSampler needs train_dataloader.dataset to be a JointDataset, not '
                f'{type(dataset).__name__}'
            )
        check_samples(samples_per_domain, dataset.domains)
        self.dataset = dataset
        self.samples_per_domain = {name: int(n) for name, n in samples_per_domain.items()}
        self.seed = int(sync_random_seed() if seed is None else seed)
        self.shuffle = shuffle
        self.rank, self.world_size = get_dist_info()
        self._slots = [(d, j) for d, n in self.samples_per_domain.items() for j in range(n)]
        self._sizes = {d: len(dataset.domains[d]) for d, _ in self._slots}
        for domain, size in self._sizes.items():
            if size == 0:
                raise JointError(
                    f"domain '{domain}' has no samples: set "
                    f"sampler.samples_per_domain['{domain}'] to 0 or give it images"
                )
        self._orders: dict[str, tuple[int, np.ndarray]] = {}
        self._start = 0

    def reseed(self, seed: int) -> None:
        """Change the seed, before iterating."""
        self.seed = seed
        self._orders.clear()

    @property
    def batch_size(self) -> int:
        """Draws per batch on this rank: the sum of the domains' samples."""
        return len(self._slots)

    def draw(self, number: int) -> SampleRequest:
        """Compute one of this rank's draws from its number, counted from 0."""
        batch, slot = divmod(number, self.batch_size)
        domain, j = self._slots[slot]
        position = (batch * self.samples_per_domain[domain] + j) * self.world_size + self.rank
        epoch, offset = divmod(position, self._sizes[domain])
        index = int(self._order(domain, epoch)[offset]) if self.shuffle else offset
        return SampleRequest(domain, index, position, batch, self.batch_size, self.seed)

    def _order(self, domain: str, epoch: int) -> np.ndarray:
        """Return the domain's permutation for one epoch; the last one is cached."""
        if domain not in self._orders or self._orders[domain][0] != epoch:
            order = permutation(self._sizes[domain], self.seed, 'order', domain, epoch)
            self._orders[domain] = epoch, order
        return self._orders[domain][1]

    def __iter__(self) -> Iterator[SampleRequest]:
        number = self._start
        while True:
            yield self.draw(number)
            number += 1

    def skip(self, num_samples: int) -> None:
        """Make the next iteration start after the first ``num_samples`` draws of this rank.

        As for mmengine's ``InfiniteSampler``, the number is absolute.

        Raises:
            ValueError: When it is negative.
        """
        if num_samples < 0:
            raise ValueError(f'num_samples must not be negative, but is {num_samples}')
        self._start = num_samples

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: the stream has no epochs that a runner could set."""

    def __len__(self) -> int:
        """Number of samples in the dataset, as in mmengine's ``InfiniteSampler``."""
        return len(self.dataset)


def check_samples(samples_per_domain: dict[str, int], domains: Collection[str]) -> None:
    """Refuse counts that make no valid batch, as :class:`JointSampler` describes."""
    key = 'train_dataloader.sampler.samples_per_domain'
    for domain, count in samples_per_domain.items():
        check_whole(f"{key}['{domain}']", count, least=0)
        if domain not in domains:
            raise JointError(
                f"{key} names the domain '{domain}', but train_dataloader.dataset.domains has "
                f'{list(domains)}: correct the name, or add the domain'
            )
    if not sum(samples_per_domain.values()):
        raise JointError(f'{key} are all 0: ask for at least one sample of a domain')
