from mmseg_joint.models.precision import full_precision

from .base import Objective, ObjectiveResult, call_frozen
from .class_mix import ClassMix
from .confidence_mask import ConfidenceMask
from .cycle_translation import CycleTranslation
from .domains import DerivedDomain, DomainInput, DomainOutput
from .focal_weighting import FocalWeighting
from .hierarchical_weighting import HierarchicalWeighting
from .learning_from_synthetic_data import LearningFromSyntheticData
from .output_adversarial import OutputAdversarial
from .pixelda import PixelDA
from .reconstruction_gan import ReconstructionGAN
from .segmentor_handle import SegmentorHandle
from .semantic_adversarial import SemanticAdversarial
from .semi_supervised_adversarial import SemiSupervisedAdversarial
from .target_regularization import TargetRegularization
from .teacher import Teacher

__all__ = [
    'ClassMix',
    'ConfidenceMask',
    'CycleTranslation',
    'DerivedDomain',
    'DomainInput',
    'DomainOutput',
    'FocalWeighting',
    'HierarchicalWeighting',
    'LearningFromSyntheticData',
    'Objective',
    'ObjectiveResult',
    'OutputAdversarial',
    'PixelDA',
    'ReconstructionGAN',
    'SegmentorHandle',
    'SemanticAdversarial',
    'SemiSupervisedAdversarial',
    'TargetRegularization',
    'Teacher',
    'call_frozen',
    'full_precision',
]
