"""How long a training step takes, and why: the measuring behind `tools/benchmark.py`."""
