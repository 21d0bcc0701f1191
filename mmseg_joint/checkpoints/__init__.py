"""Checkpoints, from the disk to a model and back."""

from .write import AtomicCheckpointHook

__all__ = ['AtomicCheckpointHook']
