from __future__ import annotations

from typing import ClassVar

from mmseg.registry import DATASETS

from mmseg_joint.datasets.label_maps import GTA_IDS
from mmseg_joint.datasets.raw_label_dataset import RawLabelDataset


@DATASETS.register_module()
class GTADataset(RawLabelDataset):
    """GTA5 ("Playing for Data", ECCV 2016): ``images/*.png`` and ``labels/*.png`` of the same name.

    Labels are palette PNGs whose indices are Cityscapes' raw ids, 34 for license plates. A few of
    the 24,966 labels differ from their image by a pixel or two: ``LoadMappedAnnotations`` crops or
    pads those at the bottom and right.
    """

    RAW_IDS: ClassVar[dict[int, int]] = GTA_IDS
    PREFIX: ClassVar[dict[str, str]] = {'img_path': 'images', 'seg_map_path': 'labels'}
    SIZE_TOLERANCE: ClassVar[int] = 2
    HINT: ClassVar[str] = (
        "use GTA5's own label PNGs of raw ids 0-34, not files converted to train ids"
    )
