from .patch_discriminator import PatchDiscriminator
from .reconstruction_generator import ReconstructionGenerator
from .weighting_network import WeightingNetwork

__all__ = ['PatchDiscriminator', 'ReconstructionGenerator', 'WeightingNetwork']
