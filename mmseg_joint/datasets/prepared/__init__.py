"""A resized, label-mapped copy of a dataset, which configs read in its place.

``tools/prepare_dataset.py`` writes it, and a dataset with ``prepared='FOLDER'`` reads it.
"""
