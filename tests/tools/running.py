"""Running tools/train.py here, or in a process that may be killed, without importing all anew."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

from tests.tiny_configs import ROOT

TRAIN = ROOT / 'tools/train.py'


def train(config: Any, *arguments: Any) -> int:
    """Run the tool in this process; return its exit status."""
    sys.argv = [str(TRAIN), str(config), *map(str, arguments)]
    try:
        runpy.run_path(str(TRAIN), run_name='__main__')
    except SystemExit as stop:
        return stop.code
    return 0


def train_in_a_child(
    config: Any, *arguments: Any, prepare: Callable[[], None] = lambda: None
) -> int:
    """Run the tool in a process that may be killed; return how it ended."""

    def main() -> None:
        prepare()
        sys.exit(train(config, *arguments))

    child = get_context('fork').Process(target=main)
    child.start()
    child.join()
    return child.exitcode
