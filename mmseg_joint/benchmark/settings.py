from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from mmseg_joint.errors import JointError


@dataclass(frozen=True)
class Settings:
    """What to measure, and how often.

    Raises:
        JointError: When a number is too small, or there is no such device.
    """

    size: tuple[int, int] = (512, 256)  #: width and height of the random images
    share: int | None = None  #: images of each domain in a batch; None uses the config's
    steps: int = 20  #: timed steps of each variant
    warmup: int = 3  #: untimed steps before them
    dtype: str | None = None  #: `'float32'`, `'bfloat16'` or `'float16'`; None uses the config's
    device: str = 'auto'  #: `'auto'`, `'cpu'` or `'cuda'`
    memory: bool = True  #: measure the peak memory, each config in its own process
    data: bool = False  #: measure the config's own data loader too

    def __post_init__(self) -> None:
        least = min(self.size), self.steps, self.share
        for name, value in zip(('--size', '--steps', '--samples-per-domain'), least):
            if value is not None and value < 1:
                raise JointError(f'{name} must be at least 1, not {value}.')
        if self.device == 'cuda' and not torch.cuda.is_available():
            raise JointError('--device cuda: PyTorch sees no GPU; use --device cpu.')

    @property
    def device_type(self) -> str:
        """`'cpu'` or `'cuda'`."""
        if self.device != 'auto':
            return self.device
        return 'cuda' if torch.cuda.is_available() else 'cpu'

    def synchronize(self) -> None:
        """Wait until the device has finished all queued work."""
        if self.device_type == 'cuda':
            torch.cuda.synchronize()

    def conditions(self, shares: dict[str, int], dtype: str | None = None) -> dict[str, Any]:
        """Describe what is measured, for JSON; the report's `in_words` turns it into a line."""
        cuda = self.device_type == 'cuda'
        return {
            'size': list(self.size),
            'shares': shares,
            'dtype': dtype,
            'device': torch.cuda.get_device_name() if cuda else 'cpu',
            'threads': torch.get_num_threads(),
            'steps': self.steps,
            'torch': torch.__version__,
        }
