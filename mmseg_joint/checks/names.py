from __future__ import annotations

import re
from difflib import get_close_matches

from mmengine.config import Config

from mmseg_joint.engine.stages import CONFIG_READS
from mmseg_joint.errors import JointError

CLOSE = 0.92  # train_dataloder is at 0.97, test_pipeline for tta_pipeline at 0.88


def check_names(cfg: Config) -> None:
    """Refuse a section that nothing reads and whose name is all but that of one that is read.

    A config may have variables of its own; `my_train_dataloader` is one.
    """
    for key in cfg:
        close = get_close_matches(key, CONFIG_READS, n=1, cutoff=CLOSE)
        if key not in CONFIG_READS and close and not re.search(rf'(^|_){close[0]}(_|$)', key):
            raise JointError(
                f'The config {cfg.filename or ""} has {key}, which nothing reads: did you mean '
                f'{close[0]}?'
            )
