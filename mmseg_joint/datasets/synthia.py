from __future__ import annotations

from typing import Any, ClassVar

from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import DATASETS

from mmseg_joint.datasets.label_maps import SYNTHIA_IDS
from mmseg_joint.datasets.raw_label_dataset import RawLabelDataset
from mmseg_joint.datasets.transforms import LoadSynthiaAnnotations
from mmseg_joint.errors import JointError


@DATASETS.register_module()
class SynthiaDataset(RawLabelDataset):
    """SYNTHIA-RAND-CITYSCAPES (CVPR 2016): ``RGB/*.png`` and ``GT/LABELS/*.png``.

    It declares all 19 Cityscapes classes, so that it can be combined with the others, although
    terrain, truck and train do not occur; the 16- and 13-class protocols are up to the metric.

    Raises:
        JointError: When the pipeline loads labels with anything but ``LoadSynthiaAnnotations``:
            any other loader would silently read wrong ids.
    """

    RAW_IDS: ClassVar[dict[int, int]] = SYNTHIA_IDS
    PREFIX: ClassVar[dict[str, str]] = {'img_path': 'RGB', 'seg_map_path': 'GT/LABELS'}
    HINT: ClassVar[str] = 'point data_prefix.seg_map_path to GT/LABELS of SYNTHIA-RAND-CITYSCAPES'

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for step in self.pipeline.transforms:
            if isinstance(step, LoadAnnotations) and not isinstance(step, LoadSynthiaAnnotations):
                raise JointError(
                    f'the pipeline of SynthiaDataset has {type(step).__name__}, which reads wrong '
                    "ids from SYNTHIA's 16-bit labels: put type='LoadSynthiaAnnotations' there"
                )
