from .deeplab_resnet import DeepLabResNet
from .squeezenet import SqueezeNet
from .vgg_encoder import VGGEncoder

__all__ = ['DeepLabResNet', 'SqueezeNet', 'VGGEncoder']
