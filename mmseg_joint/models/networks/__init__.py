from .patch_discriminator import PatchDiscriminator
from .pixelda_discriminator import PixelDADiscriminator
from .pixelda_generator import PixelDAGenerator
from .reconstruction_generator import ReconstructionGenerator
from .semantic_discriminator import SemanticDiscriminator
from .weighting_network import WeightingNetwork

__all__ = [
    'PatchDiscriminator',
    'PixelDADiscriminator',
    'PixelDAGenerator',
    'ReconstructionGenerator',
    'SemanticDiscriminator',
    'WeightingNetwork',
]
