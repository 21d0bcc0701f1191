from __future__ import annotations

from .loading import LoadCheckedImage, LoadMappedAnnotations, LoadSynthiaAnnotations

__all__ = ['LoadCheckedImage', 'LoadMappedAnnotations', 'LoadSynthiaAnnotations']
