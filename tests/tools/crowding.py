"""Fakes a machine of four cores with one idle, on any machine: for `custom_imports`."""

from __future__ import annotations

import os

import torch

from mmseg_joint import runtime

os.environ.pop('OMP_NUM_THREADS', None)
torch.set_num_threads(4)
runtime.idle_cores = lambda: 1.0
