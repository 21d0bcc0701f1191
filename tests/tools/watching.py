"""What tests of several processes need; a config names it in `custom_imports`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmseg.registry import HOOKS, TRANSFORMS


@TRANSFORMS.register_module()
class IgnoreBand(BaseTransform):
    """Labels every pixel except a band of rows, whose height is the same in every image."""

    def __init__(self, rows: int = 8):
        self.rows = rows

    def transform(self, results: dict) -> dict:
        labels = results['gt_seg_map']
        labels[labels == 255] = 0
        start = np.random.randint(len(labels) - self.rows)
        labels[start : start + self.rows] = 255
        return results


def weights_of(runner) -> dict:
    wrapped = is_model_wrapper(runner.model)
    return (runner.model.module if wrapped else runner.model).state_dict()


@HOOKS.register_module()
class WatchHook(Hook):
    """Records each rank's inputs, its log, and its final weights."""

    def before_train(self, runner):
        self.steps = []
        self.start = {name: value.clone() for name, value in weights_of(runner).items()}

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        samples = data_batch['data_samples']
        self.steps.append(
            dict(
                draws={(sample.draw.domain, sample.draw.position) for sample in samples},
                # at the places of features of stride 16
                labeled=sum(
                    (sample.gt_sem_seg.data[:, ::16, ::16] != 255).sum().item()
                    for sample in samples
                    if 'gt_sem_seg' in sample
                ),
                logged={name: float(value) for name, value in outputs.items()},
            )
        )

    def after_train(self, runner):
        looks = getattr(runner.model, 'find_unused_parameters', None)  # None without a wrapper
        kept = dict(
            steps=self.steps, start=self.start, end=weights_of(runner), looks_for_unused=looks
        )
        torch.save(kept, Path(runner.work_dir, f'rank_{get_rank()}.pth'))
