"""Datasets that trained networks write: pseudo-labels and translated images."""
