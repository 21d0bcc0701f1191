from __future__ import annotations

from typing import Any

import torch
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_joint.utils.memory import peak_bytes


@HOOKS.register_module()
class PeakMemoryHook(Hook):
    """Logs the peak memory of training on a CPU, as mmengine does for a GPU.

    It covers the training process including its libraries, but not the data loader's workers.
    """

    def after_train_iter(self, runner: Any, batch_idx: int, *_: Any, **__: Any) -> None:
        """Record it for the log."""
        if torch.cuda.is_available():
            return
        peak = peak_bytes(torch.device('cpu'))
        if peak is not None:
            # mmengine's own name for a GPU's, in MiB
            runner.message_hub.update_scalar('train/memory', peak / 2**20)
