from __future__ import annotations

import ctypes
import os

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h
NEVER = 2**31 - 1


def reuse_memory() -> None:
    """Keep the memory of freed tensors in the process, and take large tensors from huge pages.

    On a CPU a training step allocates its feature maps anew. glibc maps and unmaps each large one,
    so that the kernel hands out every page of it again: up to a third of the step, and most of the
    noise between steps. Variables that the user has set win; other C libraries are left alone.
    """
    os.environ.setdefault('THP_MEM_ALLOC_ENABLE', '1')  # torch reads it at its first large tensor
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None) if os.name == 'posix' else None
    if mallopt is None:
        return
    if 'MALLOC_MMAP_MAX_' not in os.environ:
        mallopt(M_MMAP_MAX, 0)
    if 'MALLOC_TRIM_THRESHOLD_' not in os.environ:
        mallopt(M_TRIM_THRESHOLD, NEVER)
