"""How long a training step takes, and why: the measuring behind `tools/benchmark.py`."""

from .against_sequential import SequentialReport, measure_sequential
from .measure import measure
from .report import Report
from .settings import Settings

__all__ = ['Report', 'SequentialReport', 'Settings', 'measure', 'measure_sequential']
