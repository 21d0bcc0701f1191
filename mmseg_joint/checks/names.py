from __future__ import annotations

import re
from difflib import get_close_matches
from inspect import signature

from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_joint.engine.stages import BESIDE_THE_RUNNER
from mmseg_joint.errors import JointError

READ = (*signature(Runner).parameters, *BESIDE_THE_RUNNER, 'stages', 'custom_imports')
CLOSE = 0.92  # train_dataloder is at 0.97, test_pipeline for tta_pipeline at 0.88


def check_names(cfg: Config) -> None:
    """Refuse a section that nothing reads and whose name is all but that of one that is read.

    A config may have variables of its own; `my_train_dataloader` is one.
    """
    for key in cfg:
        close = get_close_matches(key, READ, n=1, cutoff=CLOSE) if key not in READ else []
        if close and not re.search(rf'(^|_){close[0]}(_|$)', key):
            raise JointError(
                f'The config {cfg.filename or ""} has {key}, which nothing reads: did you mean '
                f'{close[0]}?'
            )
