from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

import torch

from mmseg_joint.checkpoints.read import enforce_weights_only, register_safe_globals

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h
NEVER = 2**31 - 1
MEASURED_SECONDS = 0.3


def setup() -> str:
    """Set up this process like those of this project's tools: safe, and fast on a CPU.

    Importing the package changes nothing for models that are not ours. A script that wants the same
    settings as the tools calls this once, before it builds anything:

    - No code in a checkpoint or a weights file is run, not even by mmengine's own reading
      (:func:`~mmseg_joint.checkpoints.read.enforce_weights_only`).
    - The memory of freed tensors is reused (:func:`configure_malloc`).
    - Denormal numbers count as 0 on a CPU, which handles them in microcode: Adam's moments and
      discriminators' gradients decay into them, and a float32 step of HRS takes up to three times
      as long with them.
    """
    enforce_weights_only()
    register_safe_globals()
    memory = configure_malloc()
    denormals = 'count as 0' if torch.set_flush_denormal(True) else 'are kept (this CPU must)'
    return f'No code of a checkpoint is run; {memory}; denormal numbers {denormals}.'


def configure_malloc() -> str:
    """Keep the memory of freed tensors in the process, and take large tensors from huge pages.

    glibc maps and unmaps each large tensor, so the kernel hands out all of its pages again: up to a
    third of a step on a CPU. Variables that the user has set win; other C libraries are left alone.
    """
    os.environ.setdefault('THP_MEM_ALLOC_ENABLE', '1')  # torch reads it at its first large tensor
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None) if os.name == 'posix' else None
    if mallopt is None:
        return 'malloc is left as it is'
    wanted = {
        'MALLOC_MMAP_MAX_': (M_MMAP_MAX, 0),
        'MALLOC_TRIM_THRESHOLD_': (M_TRIM_THRESHOLD, NEVER),
    }
    given = [name for name in wanted if name in os.environ]
    for name, setting in wanted.items():
        if name not in given:
            mallopt(*setting)
    return 'malloc keeps freed memory' + (f' but for {", ".join(given)} as given' if given else '')


def choose_threads() -> str:
    """Let torch use no more threads than there are idle cores, if it computes on a CPU.

    Threads that wait for each other on cores that are in use make a step several times as long. If
    the user sets `OMP_NUM_THREADS`, that wins.

    Returns:
        What was chosen and why, for the log; empty if torch's own number is right.
    """
    threads = torch.get_num_threads()
    if torch.cuda.is_available() or 'OMP_NUM_THREADS' in os.environ or threads == 1:
        return ''
    idle = idle_cores()
    if idle is None or round(idle) >= threads:
        return ''
    torch.set_num_threads(max(1, round(idle)))
    return (
        f'{idle:.1f} of {len(os.sched_getaffinity(0))} cores are idle: torch takes '
        f'{torch.get_num_threads()} instead of {threads} threads, and OMP_NUM_THREADS sets another '
        'number; where others compute too, a step takes longer.'
    )


def idle_cores() -> float | None:
    """Measure briefly how many of this process's cores are idle; None if not known."""
    try:
        cores = {f'cpu{core}' for core in os.sched_getaffinity(0)}
        before = _ticks(cores)
        time.sleep(MEASURED_SECONDS)
        after = _ticks(cores)
    except (OSError, AttributeError, ValueError):  # only Linux has this
        return None
    spent = [[b - a for a, b in zip(*pair)] for pair in zip(before, after)]
    # the fourth and the fifth number are idle time, without and with waiting for a disk
    return sum(sum(ticks[3:5]) / max(sum(ticks), 1) for ticks in spent)


def _ticks(cores: set[str]) -> list[list[int]]:
    lines = [line.split() for line in Path('/proc/stat').read_text().splitlines()]
    return [[int(number) for number in line[1:9]] for line in lines if line[0] in cores]
