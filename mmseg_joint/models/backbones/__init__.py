from .deeplab_resnet import DeepLabResNet
from .squeezenet import SqueezeNet
from .timm_backbone import TimmBackbone
from .vgg_encoder import VGGEncoder
