from __future__ import annotations

import os
import random
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_joint.datasets import JointSampler
from mmseg_joint.datasets.randomness import seed_words

THREADS = 'torch_threads'  # a key of the message hub, which checkpoints save


@HOOKS.register_module()
class IterationSeedHook(Hook):
    """Makes the randomness of a training step a function of (seed, rank, iteration).

    Dropout and label noise then do not depend on what ran before: a resumed run draws what an
    uninterrupted one draws, without generator states in the checkpoint, whether or not a validation
    ran in between. (The data's randomness is already a function of (seed, draw).)
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Any) -> None:
        """Adopt the seed and the number of threads of the run that is resumed.

        The sampler takes the seed if the config names none, and torch the number of threads, unless
        `OMP_NUM_THREADS` is set.
        """
        sampler = runner.train_dataloader.sampler
        if isinstance(sampler, JointSampler) and not _has_seed_of_its_own(runner.cfg):
            sampler.reseed(runner.seed)
        threads = runner.message_hub.runtime_info.get(THREADS)
        if runner.iter and threads and 'OMP_NUM_THREADS' not in os.environ:
            torch.set_num_threads(threads)  # sums split differently differ in their last bits
        runner.message_hub.update_info(THREADS, torch.get_num_threads())

    def before_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        """Seed every generator that a training step may draw from."""
        first, second, third, _ = seed_words(runner.seed or 0, 'step', get_rank(), runner.iter)
        random.seed(first)
        np.random.seed(second)
        torch.manual_seed(third)


def _has_seed_of_its_own(cfg: Config) -> bool:
    sampler = cfg.train_dataloader.get('sampler') or {}
    return sampler.get('seed') is not None or cfg.get('randomness', {}).get('diff_rank_seed', False)
