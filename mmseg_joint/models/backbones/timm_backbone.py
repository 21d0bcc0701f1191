from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from typing import Any

from mmseg.models.backbones import TIMMBackbone
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_joint.checkpoints.pretrained import PretrainedMixin
from mmseg_joint.errors import JointError
from mmseg_joint.stack import import_timm

from .depthwise_on_cpu import speed_up_depthwise
from .efficientnet_lite import STEM, rename_efficientnet_lite
from .lora import ORIGINAL, add_lora


@MODELS.register_module()
class TimmBackbone(PretrainedMixin, TIMMBackbone):
    """Any timm model as a feature extractor: mmseg's `TIMMBackbone` with checked loading.

    mmseg's class silently loads nothing from a file that `init_cfg` names, since timm's names lack
    its `timm_model.` prefix. This one translates them (timm's own filter included, which also
    resizes position embeddings), loads, and reports how many tensors fit. Parameters are named as
    in mmseg's class, so a trained model runs there too.

    A CNN gives a map for each of `out_indices` at its own stride; a vision transformer gives the
    maps of the blocks `out_indices`, all at its patch stride, so most heads want a neck like
    `Feature2Pyramid`. Image sizes other than the pretrained one need
    `dynamic_img_size=True, dynamic_img_pad=True` there.

    Args:
        model_name: timm's name, like `tf_efficientnet_lite0` or `vit_small_patch14_dinov2`.
        frozen: Train no parameter, and stay in evaluation mode (batch norms keep their averages).
        lora: Arguments of :func:`.add_lora`, like `dict(r=16, target_modules=['qkv'])`: train
            only low-rank matrices. For transformers whose attention is one `qkv`, like DINOv2.
        in_channels: Channels of the image.
        init_cfg: `dict(type='Pretrained', checkpoint=…)` with a file in timm's names,
            `timm://<name>` for timm's own weights, or `package://<package>/<file>` for those of
            an installed Python package. None trains from scratch.
        **kwargs: Further arguments of timm's `create_model`: `out_indices`, `drop_path_rate`, …

    Raises:
        JointError: When timm is absent or broken, does not know the model or an argument, or the
            model takes one image size only.
    """

    def __init__(
        self,
        model_name: str,
        frozen: bool = False,
        lora: dict[str, Any] | None = None,
        in_channels: int = 3,
        init_cfg: dict | list[dict] | None = None,
        **kwargs: Any,
    ) -> None:
        timm = import_timm()
        if kwargs.pop('pretrained', False) or kwargs.pop('checkpoint_path', ''):
            raise JointError(
                'model.backbone.pretrained and checkpoint_path load without a check: give '
                f"init_cfg=dict(type='Pretrained', checkpoint='timm://{model_name}') or a file."
            )
        if not timm.is_model(model_name):
            near = difflib.get_close_matches(model_name, timm.list_models(), n=3)
            raise JointError(
                f'model.backbone.model_name={model_name!r} is no model of timm {timm.__version__}'
                + (f': did you mean {", ".join(near)}?' if near else ': see timm.list_models().')
            )
        try:
            super().__init__(
                model_name, pretrained=False, in_channels=in_channels, init_cfg=init_cfg, **kwargs
            )
        except (TypeError, RuntimeError, AssertionError) as error:
            raise JointError(
                f'timm cannot build model.backbone ({model_name}: {error}): correct its arguments.'
            ) from error
        strict = (m for m in self.modules() if getattr(m, 'strict_img_size', False))
        if not all(getattr(module, 'dynamic_img_size', False) for module in strict):
            raise JointError(
                f'model.backbone ({model_name}) takes images of one size only: add '
                'dynamic_img_size=True and dynamic_img_pad=True (strict_img_size=False for Swin).'
            )
        speed_up_depthwise(self.timm_model)
        self.model_name = model_name
        self._arguments = {'in_chans': in_channels, **kwargs}
        self.frozen = frozen
        if lora:
            add_lora(self.timm_model, lora)
        if frozen:
            self.requires_grad_(False)

    @property
    def normalization(self) -> dict[str, list[float]]:
        """Mean and deviation that timm's weights of this model expect, RGB from 0 to 255."""
        config = self.timm_model.pretrained_cfg
        return {key: [255 * value for value in config[key]] for key in ('mean', 'std')}

    def train(self, mode: bool = True) -> TimmBackbone:
        """Switch to training mode, unless the backbone is frozen."""
        return super().train(mode and not self.frozen)

    def convert_pretrained(self, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Translate timm's names, or those of EfficientNet-Lite's packages, into this class's.

        Names that a network's authors gave are translated where timm has a filter for them; others
        are kept.
        """
        own = self.state_dict()
        if any(key in own for key in state_dict):
            return dict(state_dict)
        if STEM in state_dict:
            return rename_efficientnet_lite(state_dict, own)
        timm = import_timm()
        module = sys.modules[timm.model_entrypoint(self.model_name).__module__]
        state = dict(state_dict)
        if hasattr(module, 'checkpoint_filter_fn'):  # it inspects a network with all layers
            only_features = ('out_indices', 'feature_cls', 'norm_layer', 'act_layer')
            kwargs = {key: v for key, v in self._arguments.items() if key not in only_features}
            whole = timm.create_model(self.model_name, pretrained=False, **kwargs)
            state = module.checkpoint_filter_fn(state, whole)
        names = {_plain(key): key for key in own}
        return {names.get(_plain(key), key): value for key, value in state.items()}


def _plain(key: str) -> str:
    """Undo what timm's feature wrappers and peft do to a parameter's name."""
    key = key.removeprefix('timm_model.').removeprefix('model.')
    return key.replace(ORIGINAL, '').replace('.', '_')
