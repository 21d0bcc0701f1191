from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import BaseDataElement
from mmseg.models.data_preprocessor import SegDataPreProcessor
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_joint.errors import JointError


@MODELS.register_module()
class JointDataPreprocessor(SegDataPreProcessor):
    """mmseg's preprocessor, applied to each domain of a batch on its own.

    In training it returns a dict of domains instead of one tensor, so that images of different
    domains may differ in size: `inputs[domain]` has the shape (N, 3, H, W), and
    `data_samples[domain]` is a list of N samples. A batch whose samples name no domain (an
    ordinary mmseg dataset) counts as `target`. At test time it is mmseg's own.

    Arguments are those of :class:`mmseg.models.SegDataPreProcessor`.

    Attributes:
        converts_channels: Whether BGR becomes RGB, or RGB BGR.

    Raises:
        JointError: `mean` or `std` does not have one value per channel.
    """

    def __init__(
        self, mean: Sequence[float] | None = None, std: Sequence[float] | None = None, **kwargs: Any
    ) -> None:
        for name, values in (('mean', mean), ('std', std)):
            # upstream mmseg accepts any number of values, and fails at the first image
            if values is not None and len(values) not in (1, 3):
                raise JointError(
                    f'model.data_preprocessor.{name} should have 3 values, one per channel, but '
                    f'got {len(values)} values: correct it.'
                )
        super().__init__(mean=mean, std=std, **kwargs)
        self._non_blocking = True  # mmseg's class has no argument for it
        # OneDL's mmseg uses the first name, upstream the second. Both flip the channels with a
        # list of indices, and the host waits for its copy to a GPU.
        names = '_channel_conversion', 'channel_conversion'
        self.converts_channels = any(getattr(self, name, False) for name in names)
        for name in names:
            setattr(self, name, False)

    def cast_data(self, data: Any) -> Any:
        """Copy data to the device; to a GPU from pinned memory, without waiting for the copy.

        With `train_dataloader.pin_memory` the images are pinned already, but the labels inside
        samples are not.
        """
        if self.device.type == 'cuda' and isinstance(data, (Tensor, BaseDataElement)):
            data = _pinned(data)
        return super().cast_data(data)

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Group by domain, then normalize, pad and stack each group.

        Args:
            data: `inputs`, a list of (3, H, W) uint8 images, and `data_samples`, a list of
                :class:`mmseg.structures.SegDataSample`.
            training: Whether the batch is for training.

        Returns:
            A dict of `inputs` and `data_samples`, each a dict of domains when training.

        Raises:
            JointError: When the batch is not exactly one batch of the sampler.
        """
        data = self.cast_data(data)
        for sample in data.get('data_samples') or ():
            label = sample.get('gt_sem_seg')
            if label is not None and label.data.dtype == torch.uint8:
                label.data = label.data.long()  # JointDataset sends bytes
        if self.converts_channels:
            inputs = [x.flip(0) if len(x) == 3 else x for x in data['inputs']]
            data = {**data, 'inputs': inputs}
        if not training:
            return super().forward(data, training)
        samples = data['data_samples']
        _check_one_draw(samples)
        groups: dict[str, list[int]] = {}
        for position, sample in enumerate(samples):
            groups.setdefault(sample.metainfo.get('domain', 'target'), []).append(position)
        grouped: dict[str, dict] = {'inputs': {}, 'data_samples': {}}
        for domain, positions in groups.items():
            part = {key: [data[key][position] for position in positions] for key in grouped}
            part = super().forward(part, training=True)
            for key, values in grouped.items():
                values[domain] = part[key]
        return grouped

    def to_unit_range(self, inputs: Tensor) -> Tensor:
        """Map normalized images, (N, 3, H, W), to [-1, 1], the range of a tanh."""
        if self._enable_normalize:
            inputs = inputs * self.std + self.mean
        return inputs / 127.5 - 1

    def from_unit_range(self, images: Tensor) -> Tensor:
        """Normalize images, (N, 3, H, W), from [-1, 1]: the inverse of :meth:`to_unit_range`."""
        images = (images + 1) * 127.5
        return (images - self.mean) / self.std if self._enable_normalize else images


def _pinned(data: Any) -> Any:
    """Pin tensors, also those inside data elements, which are changed in place."""
    if isinstance(data, BaseDataElement):
        for name, value in data.items():
            setattr(data, name, _pinned(value))
    elif isinstance(data, Tensor) and data.device.type == 'cpu' and not data.is_pinned():
        return data.pin_memory()
    return data


def _check_one_draw(samples: list) -> None:
    draws = [sample.metainfo['draw'] for sample in samples if 'draw' in sample.metainfo]
    for draw in draws:
        if draw.batch_size != len(samples) or draw.batch != draws[0].batch:
            raise JointError(
                f'train_dataloader.batch_size is {len(samples)}: set it to {draw.batch_size}, the '
                'sum of train_dataloader.sampler.samples_per_domain.'
            )
