from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmseg_joint.errors import JointError


class ImagePool(nn.Module):
    """Earlier translations, some of which a discriminator sees instead of the newest.

    From "Learning from Simulated and Unsupervised Images through Adversarial Training" (Shrivastava
    et al., CVPR 2017), as in CycleGAN's public code. Images are kept with 256 levels, as real
    ones have, and are saved with the weights, so that a resumed run goes on with the same ones.

    Args:
        capacity: How many images are kept; 0 passes every image on.
        size: Their height and width.
    """

    images: Tensor
    count: Tensor

    def __init__(self, capacity: int, size: Sequence[int]) -> None:
        super().__init__()
        self.capacity = capacity
        height, width = size if capacity else (1, 1)
        kept = torch.zeros(capacity, 3, height, width, dtype=torch.uint8)
        self.register_buffer('images', kept)
        self.register_buffer('count', torch.tensor(0))
        self._count: int | None = None  # of `count`, so that the host need not wait for it

    def forward(self, images: Tensor) -> Tensor:
        """Return as many images as are given: (N, 3, H, W) in [-1, 1], detached.

        Raises:
            JointError: When the size differs from the pool's.
        """
        if not self.capacity:
            return images
        if images.shape[2:] != self.images.shape[2:]:
            raise JointError(
                f'the pool of translated images holds images of {tuple(self.images.shape[2:])}, '
                f'not {tuple(images.shape[2:])} (height, width): set the pool_image_size of '
                "model.objectives' CycleTranslation to the size of the crops, or pool_size=0."
            )
        if self._count is None:
            self._count = int(self.count)
        return torch.stack([self._exchange(image) for image in images])

    def _exchange(self, image: Tensor) -> Tensor:
        assert self._count is not None
        if self._count < self.capacity:
            self._keep(self._count, image)
            self._count += 1
            self.count += 1
            return image
        # drawn on the host, which branches on it
        if torch.rand(()) < 0.5:
            return image
        place = int(torch.randint(self.capacity, ()))
        earlier = self.images[place].to(image) / 127.5 - 1
        self._keep(place, image)
        return earlier

    def _keep(self, place: int, image: Tensor) -> None:
        self.images[place] = ((image + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._count = None
