from __future__ import annotations

import os
import os.path as osp
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmseg_joint.datasets.label_maps import IGNORE
from mmseg_joint.datasets.transforms.label_files import check_image, read_bytes
from mmseg_joint.errors import JointError


def check_packed_label(packed: dict, num_classes: int, where: str) -> None:
    """Apply :func:`check_label` to a sample as the segmentor will see it.

    Args:
        packed: Output of ``PackSegInputs``: ``inputs`` (C, H, W) and ``data_samples``.
        num_classes: Number of classes; 0 if unknown, which allows any value.
        where: The sample's domain, for the message.
    """
    sample = packed.get('data_samples')
    if sample is None or 'gt_sem_seg' not in sample:
        return
    label = sample.gt_sem_seg.data.numpy()
    label = label[0] if label.shape[:1] == (1,) else label
    path = sample.metainfo.get('seg_map_path', 'without file')
    check_label(label, packed['inputs'].shape[-2:], num_classes, f"the label '{path}' of {where}")


def check_label(label: np.ndarray, size: Sequence[int], num_classes: int, name: str) -> None:
    """Refuse a label that does not fit its image or has values that are not classes.

    Args:
        label: The loaded label, (H, W).
        size: Height and width of the image.
        num_classes: Number of classes; 0 if unknown, which allows any value.
        name: The label's name in the message.

    Raises:
        JointError: When it is not (H, W), the sizes differ, or a value is neither a class nor 255.
    """
    if label.ndim != 2:
        raise JointError(
            f'{name} has the shape {label.shape}, not one number a pixel: save class numbers as an '
            '8-bit PNG of one channel, or with a palette'
        )
    if label.shape != tuple(size):
        raise JointError(
            f'{name} is of shape {label.shape} and its image of {tuple(size)} (height, width): '
            'use labels of the same size (resize them with nearest-neighbor interpolation), and '
            'let every step of the pipeline treat both'
        )
    strange = label[((label < 0) | (label >= num_classes)) & (label != IGNORE)]
    if num_classes and len(strange):
        raise JointError(
            f'{name} holds {np.unique(strange)[:8].tolist()}, but there are {num_classes} classes '
            f'(0 to {num_classes - 1}, and {IGNORE} to ignore): it probably has raw ids, so map '
            'them with a RawLabelDataset (docs/joint_config.md), or convert the files'
        )


def load_sample(dataset: Any, index: int) -> Any:
    """Load a sample; if that fails, check its files.

    Raises:
        JointError: As :func:`explain_failure`. Anything else is raised as it is.
    """
    try:
        return dataset[index]
    except JointError:
        raise
    except Exception as error:
        if hasattr(dataset, 'get_data_info'):
            explain_failure(error, dataset.get_data_info(index))
        raise


def explain_failure(error: Exception, info: dict[str, Any]) -> None:
    """Check whether a failed sample's files are to blame: for a bad one, loaders raise anything.

    Raises:
        JointError: When a file is missing or broken; otherwise the caller re-raises ``error``.
    """
    if 'street' in info:  # rendered on the fly: its paths are names, not files
        return
    for key, what in (('img_path', 'image'), ('seg_map_path', 'label file')):
        path = info.get(key)
        if isinstance(path, str) and '://' not in path:
            try:
                check_image(read_bytes(path, what), path, what)
            except JointError as better:
                raise better from error


def explain_no_images(cfg: Any) -> str:
    """Explain why an mmseg dataset lists no images, from what its folder holds."""
    cfg = cfg if isinstance(cfg, dict) else {}
    while isinstance(cfg.get('dataset'), dict):
        cfg = cfg['dataset']
    folder = osp.join(
        cfg.get('data_root') or '', (cfg.get('data_prefix') or {}).get('img_path', '')
    )
    ends = Counter(osp.splitext(name)[1] for *_, names in os.walk(folder) for name in names)
    if not ends:
        return 'no images were found'
    suffix, count = ends.most_common(1)[0]
    return (
        f"no images were found: '{folder}' holds {count} files '*{suffix}' and none with the "
        f"img_suffix; set img_suffix='{suffix}'"
    )
