"""Processes of one group, forked so that they need no imports of their own."""

from __future__ import annotations

import os
import runpy
import socket
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from tests.shortcuts import import_ahead
from tests.tiny_configs import ROOT

PATIENCE = 240  # seconds; a rank waiting for a dead one is killed


def on_ranks(work: Callable[[int], Any], folder: Path, count: int = 2) -> list[Any]:
    """Run a function on each rank of a gloo group; return their results."""

    def main(rank: int) -> None:
        torch.set_num_threads(1)
        store = f'file://{folder}/store'
        torch.distributed.init_process_group('gloo', store, rank=rank, world_size=count)
        torch.save(work(rank), folder / f'given_by_{rank}.pth')
        torch.distributed.destroy_process_group()

    _fork(main, count)
    return [torch.load(folder / f'given_by_{r}.pth', weights_only=False) for r in range(count)]


def train_on_ranks(
    config: Path, *arguments: Any, count: int = 2, tool: str = 'tools/train.py'
) -> None:
    """Run a tool as the launcher `pytorch` does; alone without it."""
    port = free_port()

    def main(rank: int) -> None:
        sys.argv = [str(ROOT / tool), str(config), *map(str, arguments)]
        if count > 1:
            sys.argv += ['--launcher', 'pytorch']
            place = dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=count, MASTER_PORT=port)
            os.environ.update({name: str(value) for name, value in place.items()})
            os.environ['MASTER_ADDR'] = '127.0.0.1'
        runpy.run_path(sys.argv[0], run_name='__main__')

    _fork(main, count)


def free_port() -> int:
    """Return a port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def _fork(main: Callable[[int], None], count: int) -> None:
    import_ahead()
    processes = [get_context('fork').Process(target=main, args=(r,)) for r in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)
        process.kill()
        process.join()
    assert [process.exitcode for process in processes] == [0] * count
