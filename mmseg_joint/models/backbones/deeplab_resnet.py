from __future__ import annotations

from typing import Any

from mmseg.models.backbones import ResNet
from mmseg.registry import MODELS


@MODELS.register_module()
class DeepLabResNet(ResNet):
    """mmseg's ResNet with the max-pooling of DeepLab, which rounds sizes up.

    *DeepLab: Semantic Image Segmentation with Deep Convolutional Nets, Atrous Convolution, and
    Fully Connected CRFs* (Chen et al., TPAMI 2017), on which AdaptSegNet, ASS and maximum squares
    build. Parameters and their names are those of mmseg's `ResNet`.

    Args:
        *args: As `ResNet`.
        **kwargs: Likewise; `style='caffe'`, `strides=(1, 2, 1, 1)` and `dilations=(1, 1, 2, 4)`
            make DeepLabV2's output stride 8.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.maxpool.ceil_mode = True
