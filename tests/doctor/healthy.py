"""Runs the doctor on a config in which it must find no problem."""

from __future__ import annotations

import copy
from pathlib import Path

from mmengine.config import Config

from mmseg_joint.doctor.__main__ import main


def assert_healthy(cfg: Config, folder: Path, capsys) -> None:
    """Dump a config, with schedules as short as its training, and let the doctor check it."""
    cfg = copy.deepcopy(cfg)
    schedules = cfg.param_scheduler
    if isinstance(schedules, list):
        for schedule in schedules[:-1]:
            schedule.update(end=1, start_factor=1.0)
        schedules[-1].pop('end', None)
        schedules[-1].begin = min(1, len(schedules) - 1)
    cfg.dump(folder / 'examined.py')
    capsys.readouterr()
    status = main([str(folder / 'examined.py')])
    assert status == 0, capsys.readouterr().out
