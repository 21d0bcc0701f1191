from __future__ import annotations

import os.path as osp
from collections import Counter
from typing import Any

from mmseg.registry import DATASETS

from mmseg_joint.datasets.chain import Chain, dataset_of
from mmseg_joint.datasets.label_lists.files import find_list, placeholders, read_names
from mmseg_joint.datasets.randomness import permutation
from mmseg_joint.datasets.wrapper import DatasetWrapper
from mmseg_joint.errors import JointError
from mmseg_joint.utils.renamed import renamed_arguments


@DATASETS.register_module()
@renamed_arguments(share='fraction')
class LabelSubset(DatasetWrapper):
    """A few images of a dataset: "trained with 100 labels".

    The choice depends only on the seed and the image names (relative to the dataset's folder): it
    is the first N of one permutation of the sorted names. So subsets with the same seed are nested,
    and the same on every machine. An image that the dataset has several times counts once.

    Args:
        dataset: A dataset, its config, or a list of them.
        count: How many images. Give exactly one of ``count``, ``fraction`` and ``list_file``.
        fraction: What fraction of the images, above 0 and up to 1; at least one image.
        list_file: A text file with one image name per line, with or without suffix. If there is no
            such file, it is looked up among the lists that ship (:mod:`.label_lists`).
            ``{count}`` and ``{seed}`` in the name are filled in, so that one value of the config
            picks the list: ``'cityscapes/{count:04d}_seed{seed}.txt'``. With ``{count}``, give
            ``count`` too; if it is the number of all images, no list is needed.
        seed: Seed of the permutation, or of the list's name.
        held_out: Take the images that are *not* in the subset instead, to validate on.

    Raises:
        JointError: When not exactly one of the three is given, the number is out of range, the list
            is missing or wrong, or ``held_out`` leaves no image.
    """

    def __init__(
        self,
        dataset: Any,
        count: int | None = None,
        fraction: float | None = None,
        list_file: str | None = None,
        seed: int = 0,
        held_out: bool = False,
    ) -> None:
        choices = {'count': count, 'fraction': fraction, 'list_file': list_file}
        given = {name for name, value in choices.items() if value is not None}
        counted = list_file is not None and 'count' in placeholders(list_file)
        if given != {'count', 'list_file'} if counted else len(given) != 1:
            raise JointError(
                'LabelSubset needs exactly one of count, fraction and list_file (a list_file with '
                f'{{count}} needs count too), but has count={count}, fraction={fraction}, '
                f'list_file={list_file!r}'
            )
        if isinstance(dataset, (list, tuple)):
            dataset = Chain(dataset, 'LabelSubset.dataset')
        super().__init__(dataset)
        self.count, self.fraction, self.list_file, self.seed = count, fraction, list_file, seed
        self.held_out = held_out
        self._chosen: list[tuple[str, int]] = []

    @property
    def names(self) -> list[str]:
        """Sorted names of the chosen images, relative to the dataset's image folder."""
        return [name for name, _ in self._pairs()]

    def full_init(self) -> None:
        """Initialize the inner dataset and choose the images, once."""
        if self._chosen:
            return
        self.dataset.full_init()
        images: dict[str | int, int] = {}  # an image that occurs twice counts once
        for index in range(len(self.dataset)):
            path = self.dataset.get_data_info(index).get('img_path')
            images.setdefault(path if isinstance(path, str) else index, index)
        names = sorted((self._name(path, index), index) for path, index in images.items())
        number = self._number(len(names))
        if number == len(names):
            chosen = names
        elif self.list_file is not None:
            chosen = self._listed(names, self.list_file)
        else:
            order = permutation(len(names), self.seed, 'subset')
            chosen = sorted(names[i] for i in order[:number])
        if self.held_out:
            chosen = sorted(set(names) - set(chosen))
            if not chosen:
                raise JointError(
                    f'LabelSubset.held_out leaves no image: the subset has all {len(names)}, so '
                    'choose a smaller one'
                )
        self._chosen = chosen

    def _pairs(self) -> list[tuple[str, int]]:
        self.full_init()
        return self._chosen

    def _name(self, path: str | int, index: int) -> str:
        if isinstance(path, int):
            return f'{index:08d}'  # the image is not a file
        folder = getattr(dataset_of(self.dataset, index), 'data_prefix', {}).get('img_path')
        name = osp.relpath(path, folder) if folder else path
        return name.replace('\\', '/')

    def _number(self, total: int) -> int | None:
        """Return how many images are wanted; None if that is up to a list."""
        if self.fraction is not None:
            if not 0 < self.fraction <= 1:
                raise JointError(
                    f'LabelSubset.fraction must be above 0 and at most 1, but is {self.fraction}'
                )
            return max(1, int(self.fraction * total + 0.5))
        if self.count is None:
            return None
        if not 1 <= self.count <= total:
            raise JointError(
                f'LabelSubset.count must be from 1 to {total}, the number of images, but is '
                f'{self.count}'
            )
        return self.count

    def _listed(self, names: list[tuple[str, int]], file: str) -> list[tuple[str, int]]:
        path = find_list(file.format(count=self.count, seed=self.seed))
        lines = read_names(path)
        known = self._spellings(names)
        unknown = [line for line in lines if line not in known]
        if unknown or not lines:
            what = f'{unknown[:3]}, which are not among the images' if lines else 'no image'
            raise JointError(
                f"LabelSubset.list_file '{path}' names {what}, e.g. '{names[0][0]}': "
                'correct the list'
            )
        chosen = [known[line] for line in lines]
        repeated = sorted(name for (name, _), times in Counter(chosen).items() if times > 1)
        if repeated:
            raise JointError(
                f"LabelSubset.list_file '{path}' names {repeated[:3]} more than once: "
                'remove the repetitions'
            )
        total = Counter(name for name, _ in names)
        shared = sorted(name for name, _ in chosen if total[name] > 1)
        if shared:
            raise JointError(
                f"LabelSubset.list_file '{path}' names {shared[:3]}, which several datasets have: "
                'give each dataset a LabelSubset and a list of its own'
            )
        if self.count is not None and len(chosen) != self.count:
            raise JointError(
                f"LabelSubset.list_file '{path}' names {len(chosen)} images, but count is "
                f'{self.count}: correct one of them'
            )
        return sorted(chosen)

    def _spellings(self, names: list[tuple[str, int]]) -> dict[str, tuple[str, int]]:
        """Return every accepted spelling of an image's name → its full name and index."""
        known = {osp.splitext(pair[0])[0]: pair for pair in names}
        for pair in names:
            part = dataset_of(self.dataset, pair[1])
            name = pair[0].removesuffix(getattr(part, 'img_suffix', ''))
            known[name] = known[name + getattr(part, 'original_suffix', '')] = pair
        known.update({pair[0]: pair for pair in names})
        return known

    def inner_index(self, index: int) -> int:
        """Return a chosen image's index in the inner dataset."""
        return self._pairs()[index][1]

    def __len__(self) -> int:
        return len(self._pairs())

    def __getitem__(self, index: int) -> Any:
        return self.dataset[self.inner_index(index)]
