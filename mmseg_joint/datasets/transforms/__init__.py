from __future__ import annotations

from .color_labels import LoadColorAnnotations
from .gaussian_blur import RandomGaussianBlur
from .loading import (
    LoadCheckedImage,
    LoadIdAnnotations,
    LoadMappedAnnotations,
    LoadSynthiaAnnotations,
)
from .match_colors import MatchColors
