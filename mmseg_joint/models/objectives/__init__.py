from .base import DomainOutput, Objective, ObjectiveResult, frozen, full_precision
from .hierarchical_weighting import HierarchicalWeighting
from .output_adversarial import OutputAdversarial
from .reconstruction_gan import ReconstructionGAN
from .semantic_adversarial import SemanticAdversarial
from .target_regularization import TargetRegularization

__all__ = [
    'DomainOutput',
    'HierarchicalWeighting',
    'Objective',
    'ObjectiveResult',
    'OutputAdversarial',
    'ReconstructionGAN',
    'SemanticAdversarial',
    'TargetRegularization',
    'frozen',
    'full_precision',
]
