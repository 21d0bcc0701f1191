from __future__ import annotations

from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from mmseg_joint.errors import JointError
from mmseg_joint.models.backbones import TimmBackbone


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayConstructor(DefaultOptimWrapperConstructor):
    """A learning rate that decreases from the last layer of a timm backbone to its first.

    *BEiT: BERT Pre-Training of Image Transformers* (Bao et al., ICLR 2022): with L layers, layer l
    learns with lr · γ^(L + 1 - l), the stem being layer 0; everything else learns with lr. So a
    pretrained transformer keeps what its early layers have learned. timm determines which layer a
    parameter belongs to (mmseg's `LayerDecayOptimizerConstructor` knows only its own backbones).
    All other keys of `paramwise_cfg` are mmengine's, and the factors multiply::

        segmentor=dict(
            optimizer=dict(type='AdamW', lr=1e-4),
            constructor='LayerDecayConstructor',
            paramwise_cfg=dict(layer_decay=0.8))

    Args:
        optim_wrapper_cfg: As mmengine's.
        paramwise_cfg: Likewise, with γ as `layer_decay`, above 0 and up to 1.

    Raises:
        JointError: When `layer_decay` is missing or out of range, or timm defines no order
            of the backbone's layers.
    """

    base_lr: Any  # mmengine's: a number, wherever the optimizer has one

    def __init__(
        self, optim_wrapper_cfg: dict[str, Any], paramwise_cfg: dict[str, Any] | None = None
    ) -> None:
        layer_decay = (paramwise_cfg or {}).get('layer_decay')
        if not isinstance(layer_decay, (int, float)) or not 0 < layer_decay <= 1:
            raise JointError(
                f'optim_wrapper.segmentor.paramwise_cfg.layer_decay is {layer_decay!r}: '
                'LayerDecayConstructor needs a number above 0 and up to 1, like 0.9.'
            )
        self.layer_decay = float(layer_decay)
        super().__init__(optim_wrapper_cfg, paramwise_cfg)

    def add_params(
        self, params: list[dict], module: nn.Module, prefix: str = '', **kwargs: Any
    ) -> None:
        """Collect parameter groups as mmengine does, then scale those of the backbone."""
        super().add_params(params, module, prefix, **kwargs)
        if prefix:  # a child: the root comes last
            return
        depth = layers_to_the_end(getattr(module, 'backbone', None))
        for group in params:
            (parameter,) = group['params']
            scale = self.layer_decay ** depth.get(id(parameter), 0)
            group['lr'] = group.get('lr', self.base_lr) * scale


def layers_to_the_end(backbone: nn.Module | None) -> dict[int, int]:
    """Count the layers from each parameter of a timm backbone, by `id`, to the head, from 1.

    Raises:
        JointError: When it is not timm's, or timm defines no order of its layers.
    """
    # timm's feature wrapper holds the transformer as `model`
    inner = (
        getattr(backbone.timm_model, 'model', None) if isinstance(backbone, TimmBackbone) else None
    )
    if inner is None or not hasattr(inner, 'group_matcher'):
        raise JointError(
            'optim_wrapper.segmentor.constructor=LayerDecayConstructor needs a TimmBackbone with a '
            'vision transformer: leave constructor and paramwise_cfg.layer_decay out.'
        )
    from timm.models import group_parameters

    layers = group_parameters(inner, inner.group_matcher(), reverse=True)
    end = max(layers.values()) + 1
    return {id(value): end - layers[name] for name, value in inner.named_parameters()}
