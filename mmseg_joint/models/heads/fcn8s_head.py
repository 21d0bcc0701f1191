from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_joint.checkpoints.pretrained import PretrainedMixin
from mmseg_joint.errors import JointError

# Where Long et al. crop score_pool4, score_pool3 and the last up-sampling (pad 100, fc6 unpadded).
LEGACY_OFFSETS = (5, 9, 31)


@MODELS.register_module()
class FCN8sHead(PretrainedMixin, BaseDecodeHead):
    """The score layers of FCN8s and its fixed up-sampling.

    *Fully Convolutional Networks for Semantic Segmentation* (Long et al., CVPR 2015) as used by
    *Not All Areas Are Equal: Transfer Learning for Semantic Segmentation via Hierarchical Region
    Selection* (Sun et al., CVPR 2019, section 3.3, decisions H7 and H8): one 1×1 convolution
    scores each of three features; the scores are up-sampled by a fixed bilinear filter and added.

    The deepest score layer is mmseg's `conv_seg`. The two others start at zero, as in Long et
    al., so that training starts from the coarse prediction and refines it. The head reads the
    image (`in_index[0]`) only for its size: logits have the image's size, so the resizing that
    mmseg does afterwards is an identity.

    Args:
        in_channels: Channels of the image, the finest, the middle and the deepest feature.
        num_classes: Number of classes C.
        in_index: Positions of these four in the backbone's outputs.
        strides: Strides of the three features; each a multiple of the one before.
        legacy_padding: Up-sample and crop as the original network, which pads images by 100.
            The backbone needs the same. Only for strides 8, 16, 32.
        channels: Of the deepest feature; may be left out.
        dropout_ratio: Dropout of the deepest feature (`VGGEncoder` has its own).
        kwargs: Anything else that mmseg's `BaseDecodeHead` takes.

    Raises:
        JointError: When the numbers above contradict one another.
    """

    config_key = 'model.decode_head'
    default_init = (
        {'type': 'Normal', 'std': 0.01, 'override': {'name': 'conv_seg'}},
        {'type': 'Constant', 'val': 0, 'override': [{'name': 'score_pool4'}]},
        {'type': 'Constant', 'val': 0, 'override': [{'name': 'score_pool3'}]},
    )

    def __init__(
        self,
        in_channels: Sequence[int] = (3, 256, 512, 4096),
        num_classes: int = 19,
        in_index: Sequence[int] = (0, 1, 2, 4),
        strides: Sequence[int] = (8, 16, 32),
        legacy_padding: bool = False,
        channels: int | None = None,
        dropout_ratio: float = 0.0,
        init_cfg: dict | list[dict] | None = None,
        **kwargs: Any,
    ) -> None:
        if not len(in_channels) == len(in_index) == 4:
            raise JointError(
                'model.decode_head.in_channels and in_index must name the image and three '
                f'features, got {tuple(in_channels)} and {tuple(in_index)}.'
            )
        if len(strides) != 3 or any(b % a for a, b in zip(strides, strides[1:])):
            raise JointError(
                f'model.decode_head.strides={tuple(strides)} must be three numbers, each a '
                'multiple of the one before.'
            )
        if legacy_padding and tuple(strides) != (8, 16, 32):
            raise JointError(
                'model.decode_head.legacy_padding=True is defined for strides (8, 16, 32) only, '
                f'got {tuple(strides)}: set legacy_padding=False.'
            )
        if channels not in (None, in_channels[-1]):
            raise JointError(
                f'model.decode_head.channels={channels} must equal the deepest '
                f'in_channels={in_channels[-1]}: leave it out.'
            )
        super().__init__(
            in_channels=in_channels,
            channels=in_channels[-1],
            num_classes=num_classes,
            in_index=in_index,
            input_transform='multiple_select',
            dropout_ratio=dropout_ratio,
            init_cfg=init_cfg,
            **kwargs,
        )
        self.strides = tuple(strides)
        self.legacy_padding = legacy_padding
        self.score_pool4 = nn.Conv2d(in_channels[2], self.out_channels, 1)
        self.score_pool3 = nn.Conv2d(in_channels[1], self.out_channels, 1)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Score every pixel of the images.

        Args:
            inputs: The backbone's outputs; `in_index` selects the image (N, 3, H, W) and the
                features (N, K, ceil(H / s), ceil(W / s)).

        Returns:
            Logits (N, C, H, W).

        Raises:
            JointError: When the features' channels or sizes differ from the config.
        """
        image, pool3, pool4, deepest = self._transform_inputs(inputs)
        given = [feature.shape[1] for feature in (image, pool3, pool4, deepest)]
        if given != list(self.in_channels):
            raise JointError(
                f'model.decode_head.in_channels is {list(self.in_channels)}, but the backbone '
                f'gives {given}: write these.'
            )
        size = image.shape[2:]
        fine, middle, coarse = self.strides
        scores = [self.score_pool3(pool3), self.score_pool4(pool4), self.cls_seg(deepest)]
        if self.legacy_padding:
            return _fuse_legacy(scores, size)
        if any((n - 1) * fine >= full for n, full in zip(pool3.shape[2:], size)):
            raise JointError(
                f'the feature of stride {fine} ({_text(pool3.shape[2:])}) is too large for '
                f'an image of {_text(size)}: set model.decode_head.strides to the '
                "backbone's, or legacy_padding=True in both if the backbone has it."
            )
        score = _crop(bilinear_upsample(scores[2], coarse // middle), pool4.shape[2:])
        score = _crop(bilinear_upsample(score + scores[1], middle // fine), pool3.shape[2:])
        return _crop(bilinear_upsample(score + scores[0], fine), size)

    def convert_pretrained(self, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename Caffe's `score_fr` and drop the learned up-samplings of public FCN8s files.

        Names may have a leading `decode_head.`; only score layers are returned.
        """
        converted = {}
        for key, value in state_dict.items():
            layer, _, kind = key.removeprefix('decode_head.').rpartition('.')
            layer = 'conv_seg' if layer == 'score_fr' else layer
            if layer in ('conv_seg', 'score_pool4', 'score_pool3'):
                converted[f'{layer}.{kind}'] = value
        return converted


def bilinear_upsample(x: Tensor, factor: int) -> Tensor:
    """Enlarge maps (N, C, h, w) by a whole factor, pixel centers aligned."""
    return F.interpolate(x, scale_factor=float(factor), mode='bilinear', align_corners=False)


def bilinear_deconvolution(x: Tensor, factor: int) -> Tensor:
    """The fixed bilinear transposed convolution of Long et al., without a stored weight.

    Kernel 2f, stride f, no padding: beyond its border the map counts as zero, and the result
    extends half a cell beyond the map on every side. One ring of zeros and a plain
    interpolation give the same numbers: (N, C, h, w) becomes (N, C, (h + 1) f, (w + 1) f), f even.
    """
    half = factor // 2
    return bilinear_upsample(F.pad(x, (1, 1, 1, 1)), factor)[..., half:-half, half:-half]


def _fuse_legacy(scores: Sequence[Tensor], size: Sequence[int]) -> Tensor:
    pool3, pool4, deepest = scores
    score = bilinear_deconvolution(deepest, 2)
    score = bilinear_deconvolution(score + _crop(pool4, score.shape[2:], LEGACY_OFFSETS[0]), 2)
    score = bilinear_deconvolution(score + _crop(pool3, score.shape[2:], LEGACY_OFFSETS[1]), 8)
    return _crop(score, size, LEGACY_OFFSETS[2])


def _crop(x: Tensor, size: Sequence[int], offset: int = 0) -> Tensor:
    if any(offset + wanted > given for wanted, given in zip(size, x.shape[2:])):
        raise JointError(
            f'FCN8sHead cannot cut {_text(size)} at offset {offset} out of {_text(x.shape[2:])}: '
            'the strides and legacy_padding of model.decode_head must be those of '
            'model.backbone, and the backbone must round sizes up (or the image be a multiple '
            'of its stride).'
        )
    return x[..., offset : offset + size[0], offset : offset + size[1]]


def _text(size: Sequence[int]) -> str:
    return 'x'.join(str(n) for n in size)
