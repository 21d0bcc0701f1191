"""A resized, label-mapped copy of a dataset, that configs read in its place.

``tools/prepare_dataset.py`` writes it, ``prepared='FOLDER'`` of a dataset reads it.
"""
