"""Hand-written loops: what the package's one forward and one backward are held against.

Tests compare values and gradients with them, and `tools/benchmark.py` times them beside the Runner.
They import nothing from `tests`, so that the tool can load this folder alone.
"""
