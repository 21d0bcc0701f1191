from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg.models.data_preprocessor import SegDataPreProcessor
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_joint.errors import JointError


@MODELS.register_module()
class JointDataPreprocessor(SegDataPreProcessor):
    """mmseg's preprocessor, applied to each domain of a batch on its own.

    In training it returns a dict of domains instead of one tensor, so that pictures of different
    domains never need the same size: `inputs[domain]` has the shape (N, 3, H, W), and
    `data_samples[domain]` is a list of N samples. A batch whose samples name no domain (an
    ordinary mmseg dataset) counts as `target`. In testing it is mmseg's own.

    Arguments are those of :class:`mmseg.models.SegDataPreProcessor`.

    Raises:
        JointError: `mean` or `std` has not one value a channel.
    """

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        **kwargs: Any,
    ) -> None:
        for name, values in (('mean', mean), ('std', std)):
            # upstream's mmseg takes any number, and stops at the first picture
            if values is not None and len(values) not in (1, 3):
                raise JointError(
                    f'model.data_preprocessor.{name} should have 3 values, one a channel, but got '
                    f'{len(values)} values: correct it.'
                )
        super().__init__(mean=mean, std=std, **kwargs)

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Group by domain, then normalise, pad and stack each group.

        Args:
            data: `inputs`, a list of (3, H, W) uint8 pictures, and `data_samples`, a list of
                :class:`mmseg.structures.SegDataSample`.
            training: Whether the batch is for training.

        Returns:
            A dict of `inputs` and `data_samples`, each a dict of domains when training.

        Raises:
            JointError: The batch is not one batch of the sampler's.
        """
        if not training:
            return super().forward(data, training)
        samples = data['data_samples']
        _check_one_draw(samples)
        groups: dict[str, list[int]] = {}
        for position, sample in enumerate(samples):
            groups.setdefault(sample.metainfo.get('domain', 'target'), []).append(position)
        parts = {
            domain: super(JointDataPreprocessor, self).forward(
                {
                    'inputs': [data['inputs'][position] for position in positions],
                    'data_samples': [samples[position] for position in positions],
                },
                training=True,
            )
            for domain, positions in groups.items()
        }
        return {
            'inputs': {domain: part['inputs'] for domain, part in parts.items()},
            'data_samples': {domain: part['data_samples'] for domain, part in parts.items()},
        }

    @property
    def converts_channels(self) -> bool:
        """Whether BGR becomes RGB, or RGB BGR."""
        # OneDL's mmseg has it under the first name, upstream's under the second
        names = '_channel_conversion', 'channel_conversion'
        return any(getattr(self, name, False) for name in names)

    def to_unit_range(self, inputs: Tensor) -> Tensor:
        """Map normalised pictures to [-1, 1], the range of a tanh.

        Args:
            inputs: Normalised pictures, (N, 3, H, W).

        Returns:
            The same pictures, pixel value 0 at -1 and 255 at 1, (N, 3, H, W).
        """
        if self._enable_normalize:
            inputs = inputs * self.std + self.mean
        return inputs / 127.5 - 1

    def from_unit_range(self, pictures: Tensor) -> Tensor:
        """Normalise pictures from [-1, 1]: the inverse of :meth:`to_unit_range`.

        Args:
            pictures: Pictures in [-1, 1], (N, 3, H, W).

        Returns:
            Normalised pictures, (N, 3, H, W).
        """
        pictures = (pictures + 1) * 127.5
        return (pictures - self.mean) / self.std if self._enable_normalize else pictures


def _check_one_draw(samples: list) -> None:
    draws = [sample.metainfo['draw'] for sample in samples if 'draw' in sample.metainfo]
    for draw in draws:
        if draw.batch_size != len(samples) or draw.batch != draws[0].batch:
            raise JointError(
                f'train_dataloader.batch_size is {len(samples)}: set it to {draw.batch_size}, the '
                'sum of train_dataloader.sampler.shares.'
            )
