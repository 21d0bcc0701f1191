from __future__ import annotations

import os.path as osp
from typing import Any, ClassVar

from mmseg.registry import DATASETS

from mmseg_joint.datasets.label_maps import NTHU_CLASSES, NTHU_IDS, NTHU_PALETTE
from mmseg_joint.datasets.raw_label_dataset import RawLabelDataset
from mmseg_joint.errors import JointError
from mmseg_joint.utils.numbers import check_choice
from mmseg_joint.utils.renamed import renamed_arguments

CITIES = ('Rome', 'Rio', 'Tokyo', 'Taipei')
SPLITS = ('train', 'test')


@DATASETS.register_module()
@renamed_arguments(labelled='labeled')
class NTHUDataset(RawLabelDataset):
    """One city of the cross-city dataset ("No More Discrimination", ICCV 2017), 13 classes.

    As downloaded: ``Rome/Images/Train`` and ``Rome/Images/Test`` with PNG or JPEG images,
    ``Rome/Labels/Test/*_eval.png`` with Cityscapes' raw ids. Each city has 3,200 training images
    without labels and 100 labeled test images. The other files in ``Labels/Test`` are not read.

    To train it jointly with Cityscapes or a dataset with the same classes, set
    ``protocol='nthu'`` there.

    Args:
        city: ``Rome``, ``Rio``, ``Tokyo`` or ``Taipei``.
        split: ``train`` or ``test``.
        labeled: As in :class:`RawLabelDataset`; must be False for ``train``; the domain
            ``unlabeled`` and :class:`~mmseg_joint.datasets.Unlabeled` set it.
        img_suffix: Suffix of the image names; None takes ``.png``, or ``.jpg`` where there is none.
        data_prefix: Replaces the folders of city and split.
        **kwargs: The other arguments of :class:`RawLabelDataset`.

    Raises:
        JointError: When a name is unknown, or labels are requested for ``train``.
    """

    METAINFO: ClassVar[dict] = {'classes': NTHU_CLASSES, 'palette': NTHU_PALETTE}
    RAW_IDS: ClassVar[dict[int, int]] = NTHU_IDS
    SEG_MAP_SUFFIX: ClassVar[str] = '_eval.png'
    HINT: ClassVar[str] = "use the *_eval.png of Labels/Test, which hold Cityscapes' raw ids"

    def __init__(
        self,
        city: str,
        split: str = 'test',
        labeled: bool = True,
        img_suffix: str | None = None,
        data_prefix: dict | None = None,
        **kwargs: Any,
    ) -> None:
        check_choice('NTHUDataset.city', city, CITIES)
        check_choice('NTHUDataset.split', split, SPLITS)
        if labeled and split == 'train' and data_prefix is None:
            raise JointError(
                "NTHUDataset has no labels for split='train': use it as the domain 'unlabeled', "
                "or choose split='test'."
            )
        if data_prefix is None:
            part = split.capitalize()
            data_prefix = {
                'img_path': f'{city}/Images/{part}',
                'seg_map_path': f'{city}/Labels/{part}',
            }
        self.city = city
        self._takes_jpegs = img_suffix is None
        self._jpegs: set[str] = set()
        super().__init__(labeled=labeled, img_suffix=img_suffix, data_prefix=data_prefix, **kwargs)

    @property
    def name(self) -> str:
        """The dataset's name in messages."""
        return f'NTHUDataset (city={self.city})'

    def load_data_list(self) -> list[dict]:
        """List the images and, unless ``labeled=False``, their labels."""
        data_list = super().load_data_list()
        folder, suffix = self.data_prefix['img_path'], self.img_suffix
        for info in data_list:
            name = osp.relpath(info['img_path'], folder).removesuffix(suffix)
            if name in self._jpegs:
                info['img_path'] = osp.join(folder, f'{name}.jpg')
        return data_list

    def _list_folder(self, key: str) -> list[str]:
        """List JPEGs under PNG names, so that the base class sees one suffix."""
        files = super()._list_folder(key)
        if key != 'img_path' or not self._takes_jpegs:
            return files
        names = {file.removesuffix('.jpg') for file in files if file.endswith('.jpg')}
        self._jpegs = names - {file.removesuffix('.png') for file in files}
        return [*files, *(name + self.img_suffix for name in self._jpegs)]

    def _listed_names(self, there: set[str]) -> list[str]:
        listed = super()._listed_names(there | {f'{name}.jpg' for name in self._jpegs})
        return [name.removesuffix('.jpg') for name in listed]
