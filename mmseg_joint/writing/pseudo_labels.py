from __future__ import annotations

import os.path as osp
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from mmseg_joint.datasets.label_maps import IGNORE
from mmseg_joint.models.precision import full_precision

from .confidence_histogram import BINS, ConfidenceHistogram, confidence_bins
from .label_folder import LabelFolder


def write_pseudo_labels(
    model: nn.Module,
    dataset: Any,
    folder: LabelFolder,
    quantile: float = 0.5,
    cap: float = 0.9,
    workers: int = 0,
) -> list[dict[str, Any]]:
    """Label images with a trained network, except where it is not confident.

    "Bidirectional Learning for Domain Adaptation of Semantic Segmentation" (Li et al., CVPR 2019),
    its self-supervised learning: of all pixels predicted as class c, over all images, those with a
    probability of at least T_c = min(`cap`, median of c) are kept; the others become 255.

    Args:
        model: An mmseg segmentor in evaluation mode.
        dataset: Images through a test pipeline, with `img_suffix` and the folder of the images in
            `data_prefix['img_path']`.
        folder: Where to write the labels.
        quantile: Share of each class's pixels that fall below its threshold; 0.5 is the median, 1
            leaves `cap` for all classes.
        cap: The largest threshold.
        workers: Processes that load images.

    Returns:
        Each class's name, its threshold, the share of pixels predicted as it, and the share of
        these that was kept, None without such pixels; the manifest holds the same.
    """
    images, suffix = dataset.data_prefix['img_path'], dataset.img_suffix
    paths = [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]
    if not all(path.endswith(suffix) for path in paths):
        suffix = ''  # a city of NTHUDataset may have PNGs and JPEGs
    histogram = ConfidenceHistogram(len(folder.classes))
    loader = DataLoader(dataset, num_workers=workers, collate_fn=pseudo_collate)
    names = [osp.relpath(path, images).removesuffix(suffix) for path in paths]
    for number, batch in enumerate(tqdm(loader, desc='predicted', unit='image'), start=1):
        labels, bins = _predict(model, batch)
        histogram.add(labels, bins)
        np.savez_compressed(folder.scratch / f'{number}.npz', labels=labels, bins=bins)
    thresholds = histogram.thresholds(quantile, cap)
    kept = tqdm(names, desc='written', unit='image')
    for number, name in enumerate(kept, start=1):
        with np.load(folder.scratch / f'{number}.npz') as arrays:
            labels, bins = arrays['labels'], arrays['bins']
        (folder.scratch / f'{number}.npz').unlink()
        labels[bins < thresholds[labels]] = IGNORE
        folder.write_label(name, labels)
    summary = _summary(folder.classes, histogram, thresholds)
    folder.finish(images, suffix, names, quantile=quantile, cap=cap, thresholds=summary)
    return summary


@torch.no_grad()
def _predict(model: nn.Module, batch: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Predict the most probable class of each pixel, (H, W), and its probability's bin, (H, W)."""
    scores = model.test_step(batch)[0].seg_logits.data
    confidence, labels = probabilities(model, scores).max(dim=0)
    return labels.byte().cpu().numpy(), confidence_bins(confidence.cpu().numpy())


def probabilities(model: nn.Module, scores: Tensor) -> Tensor:
    """Turn a segmentor's predicted scores, (C, H, W), into probabilities that sum to 1.

    Heads that classify masks give sums over masks, those with one channel a probability, others
    logits.
    """
    scores = full_precision(scores)
    if len(scores) == 1:  # of two classes: mmseg gives the second one's probability
        return torch.cat([1 - scores, scores])
    head: Any = model.decode_head
    head = head[-1] if isinstance(head, nn.ModuleList) else head
    if isinstance(head, BaseDecodeHead):
        return scores.softmax(dim=0)
    scores = scores.clamp(min=0)
    return scores / scores.sum(dim=0).clamp(min=torch.finfo(scores.dtype).tiny)


def _summary(
    classes: tuple[str, ...], histogram: ConfidenceHistogram, thresholds: np.ndarray
) -> list[dict[str, Any]]:
    pixels = histogram.counts.sum(axis=1)
    shares = histogram.kept(thresholds)
    return [
        {
            'class': name,
            'threshold': round(threshold / BINS, 4),
            'predicted': round(float(count / max(pixels.sum(), 1)), 5),
            'kept': None if np.isnan(share) else round(float(share), 4),
        }
        for name, threshold, count, share in zip(classes, thresholds.tolist(), pixels, shares)
    ]
