from __future__ import annotations

from typing import Any

from mmseg.registry import DATASETS
from torch.utils.data import Dataset


class DatasetWrapper(Dataset):
    """A dataset that wraps another; whatever a subclass does not override comes from the inner one.

    Args:
        dataset: The inner dataset or its config.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        self.labeled = getattr(self.dataset, 'labeled', True)

    @property
    def metainfo(self) -> dict:
        """Classes, colors and the like."""
        return self.dataset.metainfo

    @property
    def data_prefix(self) -> dict:
        """Folders of images and labels; an AttributeError where the inner dataset has none."""
        return self.dataset.data_prefix

    @property
    def img_suffix(self) -> str:
        """Suffix of the image names, likewise."""
        return self.dataset.img_suffix

    def full_init(self) -> None:
        """List the files, once."""
        self.dataset.full_init()

    def inner_index(self, index: int) -> int:
        """Return a sample's index in the inner dataset."""
        return index

    def get_data_info(self, index: int) -> dict:
        """Return a sample's paths and the like."""
        return self.dataset.get_data_info(self.inner_index(index))

    def __len__(self) -> int:
        return len(self.dataset)
