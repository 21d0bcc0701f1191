"""How long a training step takes, and why: the measuring behind `tools/benchmark.py`."""

from .comparisons import Comparison, measure_sequential, measure_sequential_domains
from .report import Report
from .settings import Settings
from .step import measure

__all__ = [
    'Comparison',
    'Report',
    'Settings',
    'measure',
    'measure_sequential',
    'measure_sequential_domains',
]
