"""How long a training step takes, and why: the measuring behind `tools/benchmark.py`."""

from .against_sequential import SequentialReport, measure_sequential
from .in_turn import InTurnReport, measure_in_turn
from .measure import measure
from .report import Report
from .settings import Settings

__all__ = [
    'InTurnReport',
    'Report',
    'SequentialReport',
    'Settings',
    'measure',
    'measure_in_turn',
    'measure_sequential',
]
