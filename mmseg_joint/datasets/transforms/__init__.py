from __future__ import annotations

from .gaussian_blur import RandomGaussianBlur
from .loading import LoadCheckedImage, LoadMappedAnnotations, LoadSynthiaAnnotations
from .match_colors import MatchColors

__all__ = [
    'LoadCheckedImage',
    'LoadMappedAnnotations',
    'LoadSynthiaAnnotations',
    'MatchColors',
    'RandomGaussianBlur',
]
