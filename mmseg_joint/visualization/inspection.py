from __future__ import annotations

import copy

import numpy as np
import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor, nn

Inspection = dict[str, np.ndarray]
"""Title -> a view of one image: an image (H, W, 3), `uint8`, red first; class indices (H, W),
integers; or values in [0, 1], (H, W), NaN where there is none."""

IMAGE, LABEL, PREDICTION, CONFIDENCE = 'image', 'label', 'prediction', 'confidence'


def inspect_samples(model: nn.Module, packed: dict[str, dict]) -> dict[str, Inspection]:
    """Run a model on one image of each domain, and return its outputs as images and maps.

    Args:
        model: A :class:`JointEncoderDecoder`, in evaluation mode.
        packed: Domain -> a sample as the data pipeline packs it; not modified.

    Returns:
        Domain -> image, label where there is one, prediction, confidence (the highest
        probability), and each objective's maps. Domains that objectives make are included.
    """
    batch = {
        'inputs': [sample['inputs'] for sample in packed.values()],
        # the preprocessor pads labels in place
        'data_samples': [copy.deepcopy(sample['data_samples']) for sample in packed.values()],
    }
    batch = model.data_preprocessor(batch, training=True)
    with torch.no_grad():
        outputs, shown = model.inspect_batch(**batch)
    # crop the padding, also from what an objective made of the padded image
    sizes = {domain: sample['inputs'].shape[-2:] for domain, sample in packed.items()}
    padded = {outputs[domain].inputs.shape[-2:]: size for domain, size in sizes.items()}
    swap = not model.data_preprocessor.converts_channels
    inspections = {}
    for domain, output in outputs.items():
        found = {IMAGE: output.unit_images}
        if output.labels is not None:
            found[LABEL] = output.labels
        confidence, found[PREDICTION] = output.probabilities.max(dim=1)
        found[CONFIDENCE] = confidence
        found.update(shown[domain])
        size = output.inputs.shape[-2:]
        height, width = sizes.get(domain) or padded.get(size, size)
        inspections[domain] = {
            title: _to_array(value[:1], size, swap)[:height, :width]
            for title, value in found.items()
        }
    return inspections


def file_of(packed: dict) -> str:
    """Return the image file of a packed sample, or an empty string."""
    sample: SegDataSample = packed['data_samples']
    return sample.metainfo.get('img_path', '')


def _to_array(values: Tensor, size: torch.Size, swap: bool) -> np.ndarray:
    """Enlarge one image's (1, h, w) or (1, 3, h, w) to the size of its domain's images."""
    is_image, is_class = values.ndim == 4, _is_class(values)
    values = values.detach().cpu().float()
    values = values if is_image else values[:, None]
    if values.shape[-2:] != size:
        values = F.interpolate(values, size=size, mode='nearest')
    if not is_image:
        found = values[0, 0].numpy()
        return found.astype(np.int64) if is_class else found
    values = values.flip(1) if swap else values
    return ((values[0] + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()


def _is_class(values: Tensor) -> bool:
    return not values.is_floating_point() and values.dtype != torch.bool
