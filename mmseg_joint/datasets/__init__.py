from __future__ import annotations

from .camvid import CamVidDataset
from .cityscapes import CityscapesIdsDataset, CityscapesTrainIdsDataset
from .gta import GTADataset
from .joint_dataset import JointDataset, SampleRequest
from .joint_sampler import JointSampler
from .label_subset import LabelSubset
from .mixed_dataset import MixedDataset
from .nthu import NTHUDataset
from .rare_class_sampling import RareClassSampling
from .raw_label_dataset import RawLabelDataset
from .synthia import SynthiaDataset
from .transforms import (
    LoadCheckedImage,
    LoadIdAnnotations,
    LoadMappedAnnotations,
    LoadSynthiaAnnotations,
    MatchColors,
    RandomGaussianBlur,
)
from .unlabeled import Unlabeled
from .written_dataset import WrittenDataset
