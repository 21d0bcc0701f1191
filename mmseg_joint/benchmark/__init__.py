"""How long a training step takes, and why: the measurements behind `tools/benchmark.py`."""
