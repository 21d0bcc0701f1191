from .base import DomainOutput, Objective, ObjectiveResult, frozen, full_precision
from .confidence_mask import ConfidenceMask
from .focal_weighting import FocalWeighting
from .hierarchical_weighting import HierarchicalWeighting
from .output_adversarial import OutputAdversarial
from .pixelda import PixelDA
from .reconstruction_gan import ReconstructionGAN
from .semantic_adversarial import SemanticAdversarial
from .semi_supervised_adversarial import SemiSupervisedAdversarial
from .target_regularization import TargetRegularization

__all__ = [
    'ConfidenceMask',
    'DomainOutput',
    'FocalWeighting',
    'HierarchicalWeighting',
    'Objective',
    'ObjectiveResult',
    'OutputAdversarial',
    'PixelDA',
    'ReconstructionGAN',
    'SemanticAdversarial',
    'SemiSupervisedAdversarial',
    'TargetRegularization',
    'frozen',
    'full_precision',
]
