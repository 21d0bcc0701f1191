"""Hand-written loops: references for the package's one forward and one backward.

Tests compare values and gradients with them, and `tools/benchmark.py` times them against the
Runner. They import nothing from `tests`, so that the tool can load this folder alone.
"""
