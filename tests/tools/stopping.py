"""Hooks that end a run in the middle; a config names them in `custom_imports`."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from mmengine.hooks import Hook
from mmseg.registry import HOOKS


class Stopped(Exception):
    pass


@HOOKS.register_module()
class StopHook(Hook):
    """Ends the run after a step of the stage in a folder, before the step's checkpoint."""

    priority = 'VERY_HIGH'

    def __init__(self, folder: str, step: int, kill: bool = False):
        self.folder, self.step, self.kill = folder, step, kill

    def stop_at(self, runner, step):
        if Path(runner.work_dir).name == self.folder and step == self.step:
            if self.kill:
                os.kill(os.getpid(), signal.SIGKILL)
            raise Stopped

    def after_train_iter(self, runner, *args, **kwargs):
        self.stop_at(runner, runner.iter + 1)


@HOOKS.register_module()
class InterruptHook(Hook):
    """Does what Ctrl-C does, before a step."""

    def __init__(self, step: int):
        self.step = step

    def before_train_iter(self, runner, *args, **kwargs):
        if runner.iter == self.step:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's "&" ignores it
            os.kill(os.getpid(), signal.SIGINT)


@HOOKS.register_module()
class StopBeforeValidationHook(StopHook):
    """Ends the run between a step's checkpoint and its validation."""

    def after_train_iter(self, *args, **kwargs):
        pass

    def before_val(self, runner):
        self.stop_at(runner, runner.iter)


@HOOKS.register_module()
class StopBeforeIterationHook(StopHook):
    """Ends the run before it computes anything of a step; step 0 comes after no other."""

    def after_train_iter(self, *args, **kwargs):
        pass

    def before_train_iter(self, runner, *args, **kwargs):
        self.stop_at(runner, runner.iter)
