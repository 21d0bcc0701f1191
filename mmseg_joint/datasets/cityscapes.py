from __future__ import annotations

from typing import ClassVar

from mmseg.datasets import CityscapesDataset
from mmseg.registry import DATASETS

from mmseg_joint.datasets.label_maps import CITYSCAPES_CLASSES, CITYSCAPES_IDS, IGNORE
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


@DATASETS.register_module()
class CityscapesTrainIdsDataset(RawLabelDataset):
    """Cityscapes' 19 classes as train ids: ``images/{split}/*.jpg``, ``labels/{split}/*.png``.

    Written by ``tools/dataset_converters/pix2pix_cityscapes.py``. Labels are 8-bit: 0-18, and 255
    for ignored pixels. ``protocol='camvid'`` maps them to CamVid's 11 classes.
    """

    RAW_IDS: ClassVar[dict[int, int]] = {
        **{index: index for index in range(len(CITYSCAPES_CLASSES))},
        IGNORE: IGNORE,
    }
    PREFIX: ClassVar[dict[str, str]] = {
        'img_path': 'images/train',
        'seg_map_path': 'labels/train',
    }
    IMG_SUFFIX: ClassVar[str] = '.jpg'
    HINT: ClassVar[str] = (
        'use 8-bit labels of train ids 0-18 and 255; CityscapesIdsDataset reads *_labelIds.png'
    )
