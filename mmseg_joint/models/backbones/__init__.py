from .squeezenet import SqueezeNet
from .vgg_encoder import VGGEncoder

__all__ = ['SqueezeNet', 'VGGEncoder']
