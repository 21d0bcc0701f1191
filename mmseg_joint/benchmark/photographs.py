from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmseg_joint.datasets.raw_label_dataset import RawLabelDataset
from mmseg_joint.datasets.synthia import SynthiaDataset

SIZES = {'GTADataset': (1914, 1052), 'SynthiaDataset': (1280, 760), 'CamVidDataset': (960, 720)}
CITYSCAPES_SIZE = (2048, 1024)
# Chosen so that a PNG takes nearly three bits per value, as in GTA5 and Cityscapes (2.3 MB each).
ROUGHNESS = 1.62


def smooth_noise(rng: np.random.Generator, size: tuple[int, int], roughness: float) -> np.ndarray:
    """Draw noise (height, width) with the spectrum of photographs, mean 0 and deviation 1.

    It compresses as photographs do, before and after resizing; white noise would not.
    """
    width, height = size
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf
    waves = rng.standard_normal((2, *frequency.shape)) / frequency**roughness
    field = np.fft.irfft2(waves[0] + 1j * waves[1], s=(height, width))
    return field / field.std()


def draw(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Draw an image, (height, width, 3) of `uint8`."""
    light = smooth_noise(rng, size, ROUGHNESS)
    colors = [smooth_noise(rng, size, ROUGHNESS + 0.2) for _ in range(3)]
    values = np.stack([118 + 50 * (light + 0.25 * color) for color in colors], axis=-1)
    return values.clip(0, 255).astype(np.uint8)


def draw_label(rng: np.random.Generator, size: tuple[int, int], ids: list[int]) -> np.ndarray:
    """Draw regions with ragged borders, (height, width) of `uint8`."""
    level = smooth_noise(rng, size, 2.0)
    ranks = np.searchsorted(np.quantile(level, np.linspace(0, 1, 13)[1:-1]), level)
    return rng.choice(ids, 12).astype(np.uint8)[ranks]


def write_like(
    dataset: RawLabelDataset, count: int, size: tuple[int, int] | None = None
) -> tuple[int, int]:
    """Write images where a dataset expects them, in its format and usual size; return the size."""
    rng = np.random.default_rng(0)
    size = size or SIZES.get(type(dataset).__name__, CITYSCAPES_SIZE)
    for index in range(count):
        image = draw(rng, size)
        path = _path(dataset, 'img_path', f'{index:06d}{dataset.img_suffix}')
        Image.fromarray(image).save(path, quality=95)  # for JPEGs
        if 'seg_map_path' in dataset.data_prefix:
            label = draw_label(rng, size, list(dataset.RAW_IDS))
            path = _path(dataset, 'seg_map_path', f'{index:06d}{dataset.seg_map_suffix}')
            _save_label(dataset, label, path)
    return size


def _path(dataset: RawLabelDataset, key: str, name: str) -> Path:
    path = Path(dataset.data_prefix[key]) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _save_label(dataset: RawLabelDataset, label: np.ndarray, path: Path) -> None:
    if isinstance(dataset, SynthiaDataset):
        nothing = np.zeros_like(label)
        cv2.imwrite(str(path), np.stack([nothing, nothing, label], axis=-1).astype(np.uint16))
        return
    image = Image.fromarray(label)
    if type(dataset).__name__ == 'GTADataset':
        image.putpalette(list(range(256)) * 3)
    image.save(path)
