from __future__ import annotations

import sys
from pathlib import Path

import torch

STATUS = Path('/proc/self/status')  # of Linux


def peak_bytes(device: torch.device) -> int | None:
    """Look up the peak memory so far: of tensors on a GPU, else of this process.

    Returns:
        Bytes; None if the system does not report it.
    """
    if device.type == 'cuda':
        return torch.cuda.max_memory_allocated(device)
    if STATUS.exists():  # this program alone; `getrusage` also counts what it was forked from
        lines = dict(line.split(':', 1) for line in STATUS.read_text().splitlines() if ':' in line)
        return 1024 * int(lines['VmHWM'].split()[0]) if 'VmHWM' in lines else None
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == 'darwin' else peak * 1024
