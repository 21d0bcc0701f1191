from __future__ import annotations

from typing import Any

import torch

from mmseg_joint.datasets.label_maps import IGNORE
from mmseg_joint.datasets.transforms.label_files import check_picture, read_bytes
from mmseg_joint.errors import JointError


def check_packed_label(packed: dict, num_classes: int, where: str, path: str | None) -> None:
    """Refuses a label that does not fit its picture or has values that are no class.

    It sees what the segmentor will see, whoever loaded it.

    Args:
        packed: What ``PackSegInputs`` makes: ``inputs`` (C, H, W) and ``data_samples``.
        num_classes: Number of classes; 0 if unknown, then any value will do.
        where: The sample's domain, for the message.
        path: The label file, for the message.

    Raises:
        JointError: If it is no map, the sizes differ, or a value is neither a class nor 255.
    """
    sample = packed.get('data_samples')
    if sample is None or 'gt_sem_seg' not in sample:
        return
    label, picture = sample.gt_sem_seg.data, packed['inputs']
    file = f"the label '{path or sample.metainfo.get('seg_map_path', 'without file')}' of {where}"
    if label.dim() != 3 or label.shape[0] != 1:
        raise JointError(
            f'{file} has the shape {tuple(label.shape)}, not one number a pixel: save class '
            'numbers as an 8-bit single-channel or palette PNG'
        )
    if label.shape[-2:] != picture.shape[-2:]:
        raise JointError(
            f'{file} has {tuple(label.shape[-2:])} (height, width) after the pipeline and its '
            f'picture {tuple(picture.shape[-2:])}: every resizing, cropping and padding step of '
            'the pipeline must treat both'
        )
    if num_classes == 0:
        return
    strange = label[((label < 0) | (label >= num_classes)) & (label != IGNORE)]
    if strange.numel():
        values = torch.unique(strange).tolist()
        raise JointError(
            f'{file} holds {values[:8]} after the pipeline, but there are {num_classes} classes '
            f'(0 to {num_classes - 1}, and {IGNORE} to ignore): its file probably has raw ids, '
            'so use a data set that maps them, or convert the files'
        )


def explain_failure(error: Exception, info: dict[str, Any]) -> None:
    """Finds out whether a failed sample's files are to blame, and says so.

    Loaders end in anything from ``FileNotFoundError`` to ``AssertionError`` for a bad file. Only
    once one has failed are its files looked at.

    Args:
        error: What the pipeline raised.
        info: The sample's ``get_data_info``.

    Raises:
        JointError: If a file is missing or broken; otherwise the function returns, and the caller
            raises ``error`` again.
    """
    if 'street' in info:  # drawn on the spot: its paths are names, not files
        return
    for key, what in (('img_path', 'picture'), ('seg_map_path', 'label file')):
        path = info.get(key)
        if isinstance(path, str) and '://' not in path:
            try:
                check_picture(read_bytes(path, what), path, what)
            except JointError as better:
                raise better from error
