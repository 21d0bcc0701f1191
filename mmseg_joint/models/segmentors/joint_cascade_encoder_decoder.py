from __future__ import annotations

from typing import Any

from mmseg.models.decode_heads.cascade_decode_head import BaseCascadeDecodeHead
from mmseg.models.segmentors import CascadeEncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import add_prefix
from torch import Tensor, nn

from mmseg_joint.errors import JointError
from mmseg_joint.models.objectives import DomainOutput

from .joint_encoder_decoder import JointEncoderDecoder


class CascadeHeads(nn.ModuleList):
    """A cascade's heads, used as a single head: features -> score map.

    Its children are named as in mmseg's cascade, so checkpoints fit both.

    Args:
        heads: The first takes the features; each of the others the features and the score map of
            the one before.
    """

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        """Run all heads and return the last one's score map, (N, C, h, w)."""
        return self.score_maps(features, len(self))[-1]

    def score_maps(self, features: tuple[Tensor, ...], count: int) -> list[Tensor]:
        """Run the first `count` heads and return the score map of each, (N, C, h, w)."""
        maps: list[Tensor] = []
        for head in self[:count]:
            maps.append(head(features, maps[-1]) if maps else head(features))
        return maps

    @property
    def ignore_index(self) -> int:
        """The label of pixels without a class."""
        return self[-1].ignore_index

    def predict_by_feat(self, logits: Tensor, metas: list[dict]) -> Tensor:
        """Enlarge the last head's score map, as that head does."""
        return self[-1].predict_by_feat(logits, metas)


@MODELS.register_module()
class JointCascadeEncoderDecoder(JointEncoderDecoder, CascadeEncoderDecoder):
    """:class:`JointEncoderDecoder` for mmseg's `CascadeEncoderDecoder`, such as OCRNet.

    Objectives see the last head's score map; every head is trained on the labels, with the pixel
    weights that objectives give. As in mmseg, all heads but the last run twice for a labeled
    domain.

    Arguments are those of :class:`JointEncoderDecoder` and `num_stages`.

    Raises:
        JointError: When the heads form no cascade, or a later one gives no score map (PointRend's).
    """

    decode_head: CascadeHeads

    def _init_decode_head(self, decode_head: list[dict[str, Any]]) -> None:
        if not isinstance(decode_head, (list, tuple)) or len(decode_head) != self.num_stages:
            raise JointError(
                f'model.decode_head must be a list of model.num_stages={self.num_stages} heads for '
                'JointCascadeEncoderDecoder: correct the number, or use type="JointEncoderDecoder".'
            )
        for number, config in enumerate(decode_head[1:], start=1):
            kind = MODELS.get(config['type'])
            if getattr(kind, 'predict', None) is not BaseCascadeDecodeHead.predict:
                raise JointError(
                    f'model.decode_head[{number}] of type {config["type"]} gives no score map in '
                    'training, which joint training needs: use heads like OCRHead, or the first '
                    'head alone with type="JointEncoderDecoder".'
                )
        super()._init_decode_head(list(decode_head))
        self.decode_head = CascadeHeads(self.decode_head)

    def _decode_heads(self) -> list[nn.Module]:
        return list(self.decode_head)

    def _decode_losses(
        self, output: DomainOutput, samples: list[SegDataSample]
    ) -> dict[str, Tensor]:
        earlier = self.decode_head.score_maps(output.features, self.num_stages - 1)
        losses = {}
        for number, (head, scores) in enumerate(zip(self.decode_head, [*earlier, output.logits])):
            losses.update(add_prefix(head.loss_by_feat(scores, samples), f'decode_{number}'))
        return losses
