"""A resized, label-mapped copy of a data set, that configs read in its place.

``tools/prepare_dataset.py`` writes it, ``prepared='FOLDER'`` of a data set reads it.
"""
