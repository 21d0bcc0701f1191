"""Checkpoints, from the disk to a model and back."""

from . import schemes  # registers addresses of weights
from .write import AtomicCheckpointHook
