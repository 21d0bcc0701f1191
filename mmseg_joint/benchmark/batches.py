from __future__ import annotations

import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_joint.utils.walk import value_of

from .settings import Settings

Batch = dict[str, list]
BLOCK = 16  # side of a patch of one class


def shares_of(cfg: Config, share: int | None = None) -> dict[str, int]:
    """Return a batch's images per domain: by default 1 of source and target, or `share` of each."""
    counts = value_of(cfg, 'train_dataloader.sampler.samples_per_domain') or {}
    shares = {name: int(count) for name, count in counts.items() if count}
    shares = shares or {'source': 1, 'target': 1}
    return {name: share or count for name, count in shares.items()}


def random_batch(shares: dict[str, int], num_classes: int, settings: Settings) -> Batch:
    """Make a batch as a data loader returns it: uint8 images, labels with ignored pixels.

    Labels of the domain `unlabeled` are all ignored.
    """
    generator = torch.Generator().manual_seed(0)
    width, height = settings.size
    inputs, samples = [], []
    for domain, count in shares.items():
        for _ in range(count):
            shape = (3, height, width)
            inputs.append(torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8))
            grid = (1, -(-height // BLOCK), -(-width // BLOCK))
            label = torch.randint(0, num_classes, grid, generator=generator)
            label = label.repeat_interleave(BLOCK, 1).repeat_interleave(BLOCK, 2)
            label = label[:, :height, :width].contiguous()
            label[:, : height // 8] = 255
            if domain == 'unlabeled':
                label.fill_(255)
            gt = PixelData(data=label)
            samples.append(SegDataSample(gt_sem_seg=gt, metainfo={'domain': domain}))
    return {'inputs': inputs, 'data_samples': samples}


def labeled(shares: dict[str, int]) -> dict[str, int]:
    """Return the shares that plain supervised training reads: all but `unlabeled`."""
    return {domain: count for domain, count in shares.items() if domain != 'unlabeled'}
