from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_joint.models.segmentors.norm_statistics import averaging_norms
from mmseg_joint.utils.unwrapped import unwrapped


@HOOKS.register_module()
class FreezeNormHook(Hook):
    """Makes the segmentor's batch norms normalize with their running averages during training.

    Batch statistics of a few images are poor, and the network is tested with different ones. The
    averages (initially those of the pretrained weights) no longer change; weights and biases keep
    learning. Norms without averages, and those of objectives' networks, are left alone.

    Args:
        begin: First iteration, from 0, in which the averages are used.
    """

    priority = 'LOW'

    def __init__(self, begin: int = 0) -> None:
        self.begin = begin

    def before_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        """Put the norms into evaluation mode, which each validation undoes."""
        if runner.iter < self.begin:
            return
        for norm in averaging_norms(unwrapped(runner.model)):
            norm.eval()
