from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, no_grad

from .segmentor_handle import SegmentorHandle


class FrozenBackbone(BaseModule):
    """The segmentor's backbone with its pretrained weights.

    It takes them over when the model's weights are initialized, and again when its objective asks
    for it, once all are loaded. In checkpoints they belong to the objective, so a resumed run has
    the same weights. It always runs in evaluation mode and without a graph.

    Args:
        segmentor: The segmentor; the model fills it in.
    """

    def __init__(self, segmentor: SegmentorHandle) -> None:
        super().__init__()
        self.segmentor = segmentor
        self.backbone = segmentor.copy_backbone()
        self.backbone.eval()  # mmseg's ResNet returns nothing here

    def init_weights(self) -> None:
        """Take over the backbone's weights, which mmengine has already drawn or loaded."""
        self.take_over()
        self._is_init = True

    def take_over(self) -> None:
        """Take over the backbone's weights as they are now."""
        state, prefix = self.segmentor.state(), 'backbone.'
        own = {key.removeprefix(prefix): v for key, v in state.items() if key.startswith(prefix)}
        self.backbone.load_state_dict(own)

    def train(self, mode: bool = True) -> FrozenBackbone:
        """Stay in evaluation mode."""
        return super().train(False)

    @no_grad()
    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Compute the features of normalized images, (N, 3, H, W), without a graph."""
        features = self.backbone(inputs)
        return (features,) if isinstance(features, Tensor) else tuple(features)
