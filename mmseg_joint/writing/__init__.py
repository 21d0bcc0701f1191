"""Datasets written by trained networks: pseudo-labels and translated images."""
