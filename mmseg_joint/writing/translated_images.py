from __future__ import annotations

import os.path as osp
from functools import partial
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from mmseg_joint.models.objectives import SegmentorHandle
from mmseg_joint.utils.atomic_write import atomic_write

from .label_folder import IMAGES, LabelFolder


def write_translated_images(
    model: nn.Module, name: str, dataset: Any, folder: LabelFolder, workers: int = 0
) -> int:
    """Translate a dataset's images to the look of the target, keep labels; return their number.

    `name` is that of the model's :class:`CycleTranslation`.
    """
    translate = model.objectives[name].translate
    loader = DataLoader(dataset, num_workers=workers, collate_fn=pseudo_collate)
    names = []
    for batch in tqdm(loader, desc='translated', unit='image'):
        with torch.no_grad():
            inputs = model.data_preprocessor({'inputs': batch['inputs'], 'data_samples': None})
            drawn = translate(model.data_preprocessor.to_unit_range(inputs['inputs']))
        sample = batch['data_samples'][0]
        path = osp.relpath(sample.metainfo['img_path'], dataset.data_prefix['img_path'])
        name = path.removesuffix(dataset.img_suffix)
        pixels = _pixels(drawn[0], SegmentorHandle(model).red_first)
        save = partial(Image.fromarray(pixels).save, format='PNG')
        atomic_write(folder.path / IMAGES / f'{name}.png', save)
        folder.write_label(name, sample.gt_sem_seg.data[0].numpy().astype(np.uint8))
        names.append(name)
    folder.finish(str(folder.path / IMAGES), '.png', names)
    return len(names)


def _pixels(image: Tensor, red_first: bool) -> np.ndarray:
    """Turn an image in [-1, 1], (3, H, W), into `uint8`, (H, W, 3), red first."""
    image = ((image + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return (image if red_first else image.flip(0)).permute(1, 2, 0).cpu().numpy()
