from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

OWNERS = ('mmseg_joint', 'mmseg', 'mmengine', 'mmcv')


def count_waits(step: Callable[[], Any]) -> dict[str, int] | None:
    """Count the calls of a step for which the host waits for the GPU, as CUDA reports them.

    The one wait for the log's values is on an event, which CUDA does not report.

    Returns:
        Package, file, line and function, the innermost in `OWNERS`, -> count; None without a GPU.
    """
    if not torch.cuda.is_available():
        return None
    found: Counter[str] = Counter()

    def note(message: Any, *args: Any, **kwargs: Any) -> None:
        # not the notice that this mode is a prototype
        if 'called a synchronizing' in str(message):
            found[_caller()] += 1

    shown = warnings.showwarning
    with warnings.catch_warnings():
        warnings.simplefilter('always')
        warnings.showwarning = note
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode('warn')
        try:
            step()
        finally:
            torch.cuda.set_sync_debug_mode('default')
            warnings.showwarning = shown
    return dict(found.most_common())


def _caller() -> str:
    frame = sys._getframe(2)
    while frame is not None:
        owner = frame.f_globals.get('__name__', '').partition('.')[0]
        inside = frame.f_code.co_filename != __file__
        if owner in OWNERS and inside:
            code = frame.f_code
            return f'{owner} {Path(code.co_filename).name}:{frame.f_lineno} {code.co_name}'
        frame = frame.f_back  # type: ignore[assignment]  # None at the outermost frame
    return 'other'
