"""Lists of picture names: which pictures of a data set are the labelled ones.

``cityscapes/train.txt`` has all 2,975 training pictures of Cityscapes, ``0050_seed0.txt`` and the
like beside it are the subsets that ship, and ``SHA256SUMS`` has the checksums.
"""

from .files import SHIPPED, find_list, placeholders, read_names

__all__ = ['SHIPPED', 'find_list', 'placeholders', 'read_names']
