from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeVar

from mmengine.model import ModuleDict
from torch import Tensor, nn

from mmseg_joint.errors import JointError

if TYPE_CHECKING:
    from mmseg_joint.models.segmentors import JointEncoderDecoder

T = TypeVar('T')
Network = TypeVar('Network', bound=nn.Module)


class SegmentorHandle:
    """Access to the segmentor, for an objective that runs it again or keeps a copy of it.

    It is not a module, so it adds no parameters to the objective that holds it. In a copy of the
    whole model it refers to the copied segmentor, in a copy of the objective alone to the same one.

    Args:
        segmentor: The model that the objective belongs to.
    """

    def __init__(self, segmentor: JointEncoderDecoder) -> None:
        self._segmentor = segmentor

    def __deepcopy__(self, memo: dict[int, Any]) -> SegmentorHandle:
        return SegmentorHandle(memo.get(id(self._segmentor), self._segmentor))

    def __call__(self, inputs: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """Run the segmentor as in training, with a graph; running averages stay as they are.

        Args:
            inputs: Normalized images, (N, 3, H, W).

        Returns:
            The backbone's (or neck's) outputs, and the main head's scores at image size.
        """
        return self._segmentor.segment(inputs)

    def evaluate(self, inputs: Tensor, graph: bool = False) -> tuple[tuple[Tensor, ...], Tensor]:
        """Run the segmentor as at test time, without dropout and with running averages.

        Args:
            inputs: Normalized images, (N, 3, H, W).
            graph: Whether to build a graph, through which gradients reach the images.

        Returns:
            As :meth:`__call__`.
        """
        return self._segmentor.segment(inputs, evaluate=True, graph=graph)

    def normalize(self, images: Tensor) -> Tensor:
        """Normalize images from [-1, 1] as the segmentor takes them, (N, 3, H, W)."""
        return self._segmentor.data_preprocessor.from_unit_range(images)

    def copy(self) -> JointEncoderDecoder:
        """Copy the segmentor without its objectives, for the objective to own.

        In an objective's constructor the weights are not yet drawn or loaded, so they have to be
        copied later, from :meth:`state`.

        Returns:
            A module without trainable parameters, whose state dict has the keys of :meth:`state`.
            Run it with `segment(inputs, evaluate=True)`.
        """
        return self._copy(self._segmentor)

    def copy_backbone(self) -> nn.Module:
        """Copy only the backbone, likewise."""
        return self._copy(self._segmentor.backbone)

    def _copy(self, network: Network) -> Network:
        without_objectives = {id(self._segmentor.objectives): ModuleDict()}
        copied = copy.deepcopy(network, without_objectives).requires_grad_(False)
        for module in copied.modules():
            module._is_init = True  # or mmengine would draw and load its weights again
        return copied

    def objective(self, name: str, kind: type[T], key: str) -> T:
        """Find another objective of the model by its name and class, once the model is built.

        Raises:
            JointError: When there is none of that class under that name.
        """
        found = dict(self._segmentor.objectives.items()).get(name)
        if not isinstance(found, kind):
            raise JointError(
                f'{key} is "{name}", but model.objectives has no {kind.__name__} of that name: add '
                f"{name}=dict(type='{kind.__name__}')."
            )
        return found

    @property
    def red_first(self) -> bool:
        """Whether images are RGB, not BGR as OpenCV loads them."""
        return self._segmentor.data_preprocessor.converts_channels

    @property
    def has_several_heads(self) -> bool:
        """Whether labels train other heads too than the one whose scores objectives see."""
        cascade = isinstance(self._segmentor.decode_head, nn.ModuleList)
        return cascade or self._segmentor.with_auxiliary_head

    def state(self) -> dict[str, Tensor]:
        """The segmentor's parameters and buffers, not copied, under mmseg's names."""
        state = self._segmentor.state_dict()
        return {key: value for key, value in state.items() if not key.startswith('objectives.')}
