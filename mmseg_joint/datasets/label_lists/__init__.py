"""Lists of image names: which images of a dataset are the labeled ones.

``cityscapes/train.txt`` has all 2,975 training images of Cityscapes, ``0050_seed0.txt`` and the
like next to it are the subsets that ship, and ``SHA256SUMS`` has the checksums.
"""
