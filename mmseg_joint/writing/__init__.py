"""Datasets written by trained networks: pseudo-labels and translated images."""

from .confidence_histogram import ConfidenceHistogram
from .label_folder import LabelFolder
from .pseudo_labels import write_pseudo_labels
from .translated_images import write_translated_images
