"""How long a training step takes, and why: the measuring behind `tools/benchmark.py`."""

from .comparisons import Comparison, measure_in_turn, measure_sequential
from .report import Report
from .settings import Settings
from .step import measure

__all__ = [
    'Comparison',
    'Report',
    'Settings',
    'measure',
    'measure_in_turn',
    'measure_sequential',
]
