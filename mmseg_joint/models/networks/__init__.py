from .lsd_discriminator import LSDDiscriminator
from .lsd_generator import LSDGenerator
from .patch_discriminator import PatchDiscriminator
from .pixelda_discriminator import PixelDADiscriminator
from .pixelda_generator import PixelDAGenerator
from .reconstruction_generator import ReconstructionGenerator
from .semantic_discriminator import SemanticDiscriminator
from .translation_generator import TranslationGenerator
from .weighting_network import WeightingNetwork

__all__ = [
    'LSDDiscriminator',
    'LSDGenerator',
    'PatchDiscriminator',
    'PixelDADiscriminator',
    'PixelDAGenerator',
    'ReconstructionGenerator',
    'SemanticDiscriminator',
    'TranslationGenerator',
    'WeightingNetwork',
]
