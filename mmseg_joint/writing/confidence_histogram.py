from __future__ import annotations

import numpy as np

BINS = 10_000  # of equal width from 0 to 1; one more holds 1 itself


def confidence_bins(confidence: np.ndarray) -> np.ndarray:
    """Round probabilities in [0, 1] down to ten-thousandths, `uint16`."""
    return (confidence.astype(np.float64) * BINS).astype(np.uint16)


class ConfidenceHistogram:
    """A histogram of a network's confidence in the pixels of each class, in constant memory.

    Args:
        num_classes: Number of classes C.
    """

    def __init__(self, num_classes: int) -> None:
        self.counts = np.zeros((num_classes, BINS + 1), dtype=np.int64)

    def add(self, labels: np.ndarray, bins: np.ndarray) -> None:
        """Count the pixels of an image."""
        classes, width = self.counts.shape
        places = labels.astype(np.int64) * width + bins
        self.counts += np.bincount(places.ravel(), minlength=classes * width).reshape(classes, -1)

    def thresholds(self, quantile: float = 0.5, cap: float = 0.9) -> np.ndarray:
        """Return the confidence that a pixel needs, per class: T_c = min(cap, quantile of c).

        Of n sorted values, the quantile is the one at position round(n · quantile), as in BDL's
        public code; a class that is never predicted gets `cap`, and with quantile 1 all classes do.

        Returns:
            Bins, (C,): pixels from this bin on are kept.
        """
        sums = self.counts.cumsum(axis=1)
        total = sums[:, -1]
        position = np.minimum(np.round(total * quantile), total - 1)
        bins = (sums > position[:, None]).argmax(axis=1)
        limit = int(confidence_bins(np.array(cap)))
        return np.where((total > 0) & (quantile < 1), np.minimum(bins, limit), limit)

    def kept(self, thresholds: np.ndarray) -> np.ndarray:
        """Return the share of pixels that thresholds keep, per class, (C,); NaN without pixels."""
        above = np.arange(BINS + 1) >= thresholds[:, None]
        total = self.counts.sum(axis=1)
        share = (self.counts * above).sum(axis=1) / np.maximum(total, 1)
        return np.where(total > 0, share, np.nan)
