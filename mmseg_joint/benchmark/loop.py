from __future__ import annotations

import sys
import warnings
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import IterBasedTrainLoop, Runner
from mmseg.registry import LOOPS
from torch.utils.data import DataLoader

from mmseg_joint.engine.launch import build_runner


@LOOPS.register_module()
class BenchmarkLoop(IterBasedTrainLoop):
    """mmengine's training loop that stops before its first step and is then driven from outside.

    This lets several Runners take turns in one process. A step is mmengine's own, with every hook.
    """

    def __init__(self, runner: Runner, dataloader: Any, device: str = 'cpu') -> None:
        numbers: Any = range(sys.maxsize)  # the loader is never asked for a batch
        super().__init__(runner, DataLoader(numbers), max_iters=1_000_000, val_interval=1_000_000)
        runner.model.to(torch.device(device))  # the optimizers are built after this

    def run(self) -> torch.nn.Module:
        """Call the hooks that run before the first step."""
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        return self.runner.model

    def step(self, batch: dict) -> None:
        """Do what mmengine's loop does for one batch of a data loader."""
        self.runner.model.train()
        self.run_iter(batch)
        self._decide_current_val_interval()


def start(cfg: Config) -> BenchmarkLoop:
    """Build the Runner of a prepared config up to just before its first step; return its loop."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)  # from hooks that have nothing to do here
        runner = build_runner(cfg)
        runner.train()
    return runner.train_loop
