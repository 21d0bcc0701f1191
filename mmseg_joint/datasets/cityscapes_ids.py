from __future__ import annotations

from typing import ClassVar

from mmseg.datasets import CityscapesDataset
from mmseg.registry import DATASETS

from mmseg_joint.datasets.label_maps import CITYSCAPES_IDS
from mmseg_joint.datasets.raw_label_dataset import RawLabelDataset


@DATASETS.register_module()
class CityscapesIdsDataset(RawLabelDataset, CityscapesDataset):
    """Cityscapes as downloaded: ``*_gtFine_labelIds.png``, mapped at load time.

    No conversion script is needed. For ``*_labelTrainIds.png`` use mmseg's own
    ``CityscapesDataset``.
    """

    RAW_IDS: ClassVar[dict[int, int]] = CITYSCAPES_IDS
    PREFIX: ClassVar[dict[str, str]] = {
        'img_path': 'leftImg8bit/train',
        'seg_map_path': 'gtFine/train',
    }
    IMG_SUFFIX: ClassVar[str] = '_leftImg8bit.png'
    SEG_MAP_SUFFIX: ClassVar[str] = '_gtFine_labelIds.png'
    HINT: ClassVar[str] = (
        "this dataset reads *_labelIds.png; for *_labelTrainIds.png use mmseg's CityscapesDataset"
    )
