from .base import DomainOutput, Objective, ObjectiveResult, frozen, full_precision
from .hierarchical_weighting import HierarchicalWeighting
from .reconstruction_gan import ReconstructionGAN

__all__ = [
    'DomainOutput',
    'HierarchicalWeighting',
    'Objective',
    'ObjectiveResult',
    'ReconstructionGAN',
    'frozen',
    'full_precision',
]
