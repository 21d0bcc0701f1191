from __future__ import annotations

from mmseg.registry import TRANSFORMS

from mmseg_joint.datasets.transforms import LoadMappedAnnotations


@TRANSFORMS.register_module()
class LoadCompleteAnnotations(LoadMappedAnnotations):
    """Gives the ignored pixels of a test's images a class."""

    def _load_seg_map(self, results: dict) -> None:
        super()._load_seg_map(results)
        results['gt_seg_map'][results['gt_seg_map'] == 255] = 0
