from __future__ import annotations

from typing import ClassVar

from mmseg.registry import DATASETS

from mmseg_joint.datasets.label_maps import CAMVID_CLASSES, CAMVID_IDS, CAMVID_PALETTE
from mmseg_joint.datasets.raw_label_dataset import RawLabelDataset


@DATASETS.register_module()
class CamVidDataset(RawLabelDataset):
    """CamVid with the usual 11 classes: ``images/{split}/*.jpg`` and ``labels/{split}/*.png``.

    Labels are 8-bit: 0 sky, 1 building, 2 pole, 3 road, 4 pavement, 5 tree, 6 sign, 7 fence, 8 car,
    9 pedestrian, 10 bicyclist; 11 (as in SegNet's files) and 255 are ignored. For PNG images
    set ``img_suffix='.png'``; for another split set ``data_prefix``. To train it jointly with a
    synthetic dataset, set ``protocol='camvid'`` there.
    """

    METAINFO: ClassVar[dict] = {'classes': CAMVID_CLASSES, 'palette': CAMVID_PALETTE}
    RAW_IDS: ClassVar[dict[int, int]] = CAMVID_IDS
    PREFIX: ClassVar[dict[str, str]] = {
        'img_path': 'images/train',
        'seg_map_path': 'labels/train',
    }
    IMG_SUFFIX: ClassVar[str] = '.jpg'
    HINT: ClassVar[str] = (
        "use 8-bit labels with CamVid's 11 classes as 0-10 and 11 or 255 for the rest"
    )
