from .patch_discriminator import PatchDiscriminator
from .reconstruction_generator import ReconstructionGenerator
from .semantic_discriminator import SemanticDiscriminator
from .weighting_network import WeightingNetwork

__all__ = [
    'PatchDiscriminator',
    'ReconstructionGenerator',
    'SemanticDiscriminator',
    'WeightingNetwork',
]
