from __future__ import annotations

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_joint.utils.numbers import check_choice


@MODELS.register_module()
class SemanticDiscriminator(BaseModule):
    """Classifies both the class and the domain of a feature: 2C outputs.

    D_s of *Alleviating Semantic-level Shift: A Semi-supervised Domain Adaptation Method for
    Semantic Segmentation* (Wang et al., CVPRW 2020), section 3.3: two layers with a LeakyReLU
    between them; width and slope are from section 4.1. Output k means "source, class k", output
    C + k "target, class k".

    Args:
        in_channels: Channels n of the features.
        num_classes: Number of classes C.
        mode: `'fc'` classifies one vector per class (FCSA), `'conv'` every position (CSA).
        channels: Width of the hidden layer.
        negative_slope: Of the LeakyReLU.
        init_cfg: mmengine initialization; PyTorch's default without it.

    Raises:
        JointError: When the mode is unknown.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        mode: str = 'conv',
        channels: int = 1024,
        negative_slope: float = 0.2,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_choice('SemanticDiscriminator.mode', mode, ('fc', 'conv'))
        self.mode = mode
        outputs = 2 * num_classes
        if mode == 'fc':
            layers = nn.Linear(in_channels, channels), nn.Linear(channels, outputs)
        else:
            layers = nn.Conv2d(in_channels, channels, 1), nn.Conv2d(channels, outputs, 1)
        self.layers = nn.Sequential(layers[0], nn.LeakyReLU(negative_slope, True), layers[1])

    def forward(self, features: Tensor) -> Tensor:
        """Classify features, (P, in_channels) for `'fc'` or (N, in_channels, h, w) for `'conv'`.

        Returns:
            Logits (P, 2C) or (N, 2C, h, w).
        """
        return self.layers(features)
