"""How long a training step takes, and why: the measuring behind `tools/benchmark.py`."""

from .measure import measure
from .report import Report
from .settings import Settings

__all__ = ['Report', 'Settings', 'measure']
