from __future__ import annotations

from .gaussian_blur import RandomGaussianBlur
from .loading import LoadCheckedImage, LoadMappedAnnotations, LoadSynthiaAnnotations

__all__ = [
    'LoadCheckedImage',
    'LoadMappedAnnotations',
    'LoadSynthiaAnnotations',
    'RandomGaussianBlur',
]
