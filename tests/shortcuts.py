"""Skips slow parts of mmengine that no test needs, in the processes that run the tests."""

from __future__ import annotations

import gc
from types import SimpleNamespace

import torch
from mmengine.dataset import base_dataset
from mmengine.runner import runner
from mmengine.utils import version_utils
from yapf.yapflib import yapf_api


def import_ahead() -> None:
    """Import what a training would import later: once, not in every fork."""
    import setuptools  # noqa: F401
    import torch._dynamo  # noqa: F401


def take_shortcuts() -> None:
    """Change this process."""
    torch.set_num_threads(1)  # tiny networks gain nothing from threads that wait for each other
    # every config is formatted for every start and checkpoint, most of the time of a short training
    yapf_api.FormatCode = lambda text, **_: (text, True)
    # every dataset that is built garbage-collects all objects of the process
    base_dataset.gc = SimpleNamespace(collect=lambda: 0)
    # every start queries the compiler's version, and every checkpoint the git commit
    runner.collect_env = dict
    version_utils._minimal_ext_cmd = lambda _: b'0' * 40
    gc.freeze()  # everything imported so far
