from __future__ import annotations

import math
import os
from pathlib import Path

CGROUPS = Path('/sys/fs/cgroup')
# quota and period of the CPU time, in versions 2 and 1 of Linux's cgroups
LIMITS = (('cpu.max',), ('cpu/cpu.cfs_quota_us', 'cpu/cpu.cfs_period_us'))


def available_cores() -> int:
    """Return how many cores this process may use.

    A container may restrict the cores (`docker run --cpuset-cpus`), or their time (`--cpus`).
    """
    known = hasattr(os, 'sched_getaffinity')
    cores = len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
    for files in LIMITS:
        try:
            quota, period = ' '.join((CGROUPS / file).read_text() for file in files).split()
            if int(quota) > 0:
                return min(cores, math.ceil(int(quota) / int(period)))
        except (OSError, ValueError):  # no such file, or no limit: `max`
            continue
    return cores
