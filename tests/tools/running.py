"""Runs tools/train.py in a process that may be killed, without importing everything again."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

from tests.shortcuts import import_ahead
from tests.tiny_configs import ROOT

TRAIN = ROOT / 'tools/train.py'


def train(config: Any, *arguments: Any, prepare: Callable[[], None] = lambda: None) -> int:
    """Run the tool in a fork; return how it ended.

    Its workers end with it. In this process they would stay until their loader is collected, which
    then waits for each of them in vain.
    """

    def main() -> None:
        prepare()
        sys.argv = [str(TRAIN), str(config), *map(str, arguments)]
        runpy.run_path(str(TRAIN), run_name='__main__')

    import_ahead()
    child = get_context('fork').Process(target=main)
    child.start()
    child.join()
    return child.exitcode
