from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmseg_joint.checkpoints.pretrained import KAIMING_FAN_IN, PretrainedMixin
from mmseg_joint.errors import JointError


@MODELS.register_module()
class VGGEncoder(PretrainedMixin, BaseModule):
    """VGG16 with its fully connected layers as convolutions: the encoder of FCN8s.

    *Fully Convolutional Networks for Semantic Segmentation* (Long et al., CVPR 2015), which
    *Not All Areas Are Equal: Transfer Learning for Semantic Segmentation via Hierarchical Region
    Selection* (Sun et al., CVPR 2019) takes as its encoder E (section 3.3, decision H8).

    Stage i has `depths[i]` 3×3 convolutions with ReLU and ends in a 2×2 max pooling that rounds
    the size up, so a stage with output stride s has ceil(H / s) × ceil(W / s) positions.

    Without pretrained weights every convolution is drawn from He's normal distribution with
    `fan_in`: it keeps the variance of the activations from layer to layer, which is what lets
    sixteen layers without batch norm train at all (`fan_out` halves it at every widening stage).

    Args:
        in_channels: Channels of the image.
        channels: Width of each of the five stages.
        depths: Convolutions of each of the five stages.
        fc_channels: Width of fc6 and fc7. With fewer than the 4096 of the pretrained files, fc6
            and fc7 stay at their initialization (the log names them) and the rest loads.
        fc_kernel: Kernel of fc6; odd, unless `legacy_padding`.
        dropout_ratio: Dropout after fc6 and after fc7.
        legacy_padding: Pad the image by 100 in the first convolution and nothing in fc6, as
            the original FCN8s does, so that its weights run unchanged. `FCN8sHead` needs the same.
        with_cp: Recompute each stage in the backward pass instead of keeping its activations.
        init_cfg: mmengine initialization. `dict(type='Pretrained', checkpoint=…)` takes VGG16
            files of torchvision, mmcv and mmpretrain, FCN8s files with Caffe's layer names, and
            this class's own.

    Raises:
        JointError: When `channels` and `depths` do not name five stages.
    """

    default_init = (KAIMING_FAN_IN,)

    def __init__(
        self,
        in_channels: int = 3,
        channels: Sequence[int] = (64, 128, 256, 512, 512),
        depths: Sequence[int] = (2, 2, 3, 3, 3),
        fc_channels: int = 4096,
        fc_kernel: int = 7,
        dropout_ratio: float = 0.5,
        legacy_padding: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not len(channels) == len(depths) == 5:
            raise JointError(
                f'model.backbone.channels={tuple(channels)} and depths={tuple(depths)} must '
                'name five stages each: FCN8s reads the third, fourth and fifth.'
            )
        self.with_cp = with_cp
        self.stages = nn.ModuleList()
        before = in_channels
        for width, depth in zip(channels, depths):
            inputs = [before] + [width] * (depth - 1)
            self.stages.append(nn.ModuleList(nn.Conv2d(i, width, 3, padding=1) for i in inputs))
            before = width
        if legacy_padding:
            self.stages[0][0].padding = (100, 100)
        self.fc6 = nn.Conv2d(
            before, fc_channels, fc_kernel, padding=0 if legacy_padding else fc_kernel // 2
        )
        self.fc7 = nn.Conv2d(fc_channels, fc_channels, 1)
        self.dropout = nn.Dropout(dropout_ratio)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Encode normalized images (N, in_channels, H, W).

        Returns:
            The images themselves (the head crops to their size, as Long et al. crop to `data`),
            pool3, pool4, pool5 at strides 8, 16, 32, and fc7 at stride 32.
        """
        pools = []
        feature = x
        for stage in self.stages:
            feature = self._run(_stage, stage, feature)
            pools.append(feature)
        return (x, *pools[2:], self._run(self._fully_connected, feature))

    def _fully_connected(self, pool5: Tensor) -> Tensor:
        fc6 = self.dropout(F.relu(self.fc6(pool5)))
        return self.dropout(F.relu(self.fc7(fc6)))

    def _run(self, function: Callable[..., Tensor], *args: nn.Module | Tensor) -> Tensor:
        if self.with_cp and torch.is_grad_enabled():
            return checkpoint(function, *args, use_reentrant=False)
        return function(*args)

    def convert_pretrained(self, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Translate the names and shapes of public VGG16 and FCN8s files into this class's.

        `features.N.*` and `classifier.N.*` (torchvision, mmcv), `features.N.conv.*` (mmpretrain),
        `conv1_1.*` … `fc7.*` (Caffe) or this class's own names, with or without a leading
        `backbone.`. Fully connected matrices become kernels, the ImageNet classifier is dropped,
        and names that are not understood are kept.

        Raises:
            JointError: When the file is a VGG with batch norm, which this network lacks.
        """
        prefix = 'backbone.'
        of_backbone = {k: v for k, v in state_dict.items() if k.startswith(prefix)}
        if of_backbone:
            state_dict = {k.removeprefix(prefix): v for k, v in of_backbone.items()}
        for key in state_dict:
            if key.endswith('running_mean'):
                raise JointError(
                    f'model.backbone.init_cfg.checkpoint has batch norm ({key}) and VGGEncoder '
                    'has none: give it the weights of the plain VGG16.'
                )
        names = self._own_names(state_dict)
        converted = {}
        for key, value in state_dict.items():
            layer, _, kind = key.rpartition('.')
            layer = names.get(layer, layer)
            if layer in ('classifier.6', 'fc8'):
                continue
            if layer in ('fc6', 'fc7') and kind == 'weight' and value.ndim == 2:
                shape = self.get_submodule(layer).weight.shape[1:]
                if value.shape[1] == shape.numel():
                    value = value.reshape(-1, *shape)
            converted[f'{layer}.{kind}'] = value
        return converted

    def _own_names(self, state_dict: Mapping[str, Tensor]) -> dict[str, str]:
        """Map layer names of public files to this class's, where they differ."""
        convs = [(s, c) for s, stage in enumerate(self.stages) for c in range(len(stage))]
        names = {f'conv{s + 1}_{c + 1}': f'stages.{s}.{c}' for s, c in convs}
        names |= {'classifier.0': 'fc6', 'classifier.3': 'fc7'}
        # Libraries differ in whether the N of `features.N` counts ReLUs and poolings; the order of
        # the convolutions is the same everywhere.
        pattern = re.compile(r'(features\.(\d+)(?:\.conv)?)\.weight')
        found = sorted((int(m[2]), m[1]) for m in map(pattern.fullmatch, state_dict) if m)
        if len(found) == len(convs):
            names |= {theirs: f'stages.{s}.{c}' for (_, theirs), (s, c) in zip(found, convs)}
        return names


def _stage(convs: nn.ModuleList, feature: Tensor) -> Tensor:
    for conv in convs:
        feature = F.relu(conv(feature), inplace=True)
    return F.max_pool2d(feature, kernel_size=2, stride=2, ceil_mode=True)
