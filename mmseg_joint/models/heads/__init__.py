from .deeplabv2_head import DeepLabV2Head
from .fast_segformer_head import FastSegformerHead
from .fcn8s_head import FCN8sHead
