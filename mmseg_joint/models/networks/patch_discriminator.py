from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor

from .strided_convs import StridedConvs


@MODELS.register_module()
class PatchDiscriminator(BaseModule):
    """Tells real from fake for overlapping patches: a fully convolutional discriminator.

    D of *Not All Areas Are Equal: Transfer Learning for Semantic Segmentation via Hierarchical
    Region Selection* (Sun et al., CVPR 2019), section 3.3: seven 3×3 convolutions, stride 2,
    padding 1, LeakyReLU(0.01) after all but the last. With `kernel_size=4`,
    `channels=(64, 128, 256, 512)` and `negative_slope=0.2` it is the output-space discriminator of
    *Learning to Adapt Structured Output Space for Semantic Segmentation* (Tsai et al., CVPR 2018),
    and with those channels, `stride=(2, 2, 2, 1, 1)` and `instance_norm=True` that of *Unpaired
    Image-to-Image Translation using Cycle-Consistent Adversarial Networks* (Zhu et al., ICCV 2017).

    Args:
        in_channels: Channels of the input: 3 for images, C for predictions.
        channels: Widths of all convolutions but the last.
        out_channels: Logits per patch.
        kernel_size: Of every convolution.
        stride: Of every convolution, or one for each.
        padding: Of every convolution.
        negative_slope: Of the LeakyReLU.
        instance_norm: Instance norm without parameters between the first and the last convolution.
        init_cfg: mmengine initialization; PyTorch's default without it.
    """

    def __init__(
        self,
        in_channels: int = 3,
        channels: Sequence[int] = (64, 128, 256, 512, 512, 512),
        out_channels: int = 1,
        kernel_size: int = 3,
        stride: int | Sequence[int] = 2,
        padding: int = 1,
        negative_slope: float = 0.01,
        instance_norm: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        count = len(channels) + 1
        strides = [stride] * count if isinstance(stride, int) else list(stride)
        self.convs = StridedConvs(
            widths=(in_channels, *channels, out_channels),
            kernel_size=kernel_size,
            strides=strides,
            paddings=[(padding, padding)] * count,
            negative_slope=negative_slope,
            instance_norm=instance_norm,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Classify images or predictions, (N, in_channels, H, W).

        Returns:
            One logit per patch (N, out_channels, h, w), positive where real; with the defaults
            h = ceil(H / 128).
        """
        return self.convs(x)
