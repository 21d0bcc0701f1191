from mmseg_joint.models.precision import full_precision

from .base import Objective, ObjectiveResult, call_frozen, call_together
from .class_mix import ClassMix
from .confidence_mask import ConfidenceMask
from .conservative_loss import ConservativeLoss
from .consistency_mix import ConsistencyMix
from .cross_domain_gan import CrossDomainGAN
from .cycle_translation import CycleTranslation
from .domains import DerivedDomain, DomainInput, DomainOutput
from .feature_distance import FeatureDistance
from .focal_weighting import FocalWeighting
from .frozen_backbone import FrozenBackbone
from .hierarchical_weighting import HierarchicalWeighting
from .learning_from_synthetic_data import LearningFromSyntheticData
from .masked_consistency import MaskedConsistency
from .output_adversarial import OutputAdversarial
from .pixelda import PixelDA
from .reconstruction_gan import ReconstructionGAN
from .rectangle_mix import RectangleMix
from .segmentor_handle import SegmentorHandle
from .semantic_adversarial import SemanticAdversarial
from .semi_supervised_adversarial import SemiSupervisedAdversarial
from .spatial_adversarial import SpatialAdversarial
from .target_regularization import TargetRegularization
from .teacher import Teacher
