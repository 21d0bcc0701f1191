from __future__ import annotations

from typing import Any, ClassVar, Optional

from mmcv.transforms import BaseTransform
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS, TRANSFORMS

from ..datasets.label_maps import CITYSCAPES_CLASSES, CITYSCAPES_PALETTE
from ..errors import JointError
from .render import check_street, render_street


@DATASETS.register_module()
class StreetsDataset(BaseSegDataset):
    """Procedural streets: exact labels in the 19 Cityscapes classes, and nothing on disk.

    Its pipeline starts with ``LoadStreet`` instead of ``LoadImageFromFile`` and
    ``LoadAnnotations``; the rest is as usual.

    Args:
        count: Number of images.
        style: ``rendered`` (the synthetic domain) or ``camera`` (the "real" one).
        size: Width and height in pixels.
        seed: Seed of all streets; other seeds give other streets.
        start: Index of the first street; ranges that do not overlap share no street.
        **kwargs: For ``BaseSegDataset``: ``pipeline``, ``test_mode``, ``indices``, ``metainfo`` …

    Raises:
        JointError: When an argument is wrong.
    """

    METAINFO: ClassVar[dict] = {'classes': CITYSCAPES_CLASSES, 'palette': CITYSCAPES_PALETTE}

    def __init__(
        self,
        count: int,
        style: str = 'rendered',
        size: tuple[int, int] = (480, 360),
        seed: int = 0,
        start: int = 0,
        **kwargs: Any,
    ) -> None:
        if count < 1:
            raise JointError(f'count of StreetsDataset must be at least 1, not {count}')
        check_street(seed, start, size, style)
        self.count, self.start = count, start
        self.street = {'seed': seed, 'size': tuple(size), 'style': style}
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """One entry per street, with a path that names it although no such file exists."""
        folder = f'streets/{self.street["style"]}/seed{self.street["seed"]}'
        return [self._entry(folder, index) for index in range(self.start, self.start + self.count)]

    def _entry(self, folder: str, index: int) -> dict:
        return {
            'img_path': f'{folder}/{index:06d}',
            'seg_map_path': f'{folder}/{index:06d}',
            'street': {**self.street, 'index': index},
            'label_map': self.label_map,
            'reduce_zero_label': self.reduce_zero_label,
            'seg_fields': [],
        }


@TRANSFORMS.register_module()
class LoadStreet(BaseTransform):
    """Draws the image and the labels of a street.

    Required keys: ``street``, and ``seg_fields``, ``label_map`` as every mmseg dataset gives them.

    Added keys: ``img`` (H, W, 3) uint8 BGR, ``gt_seg_map`` (H, W) uint8, ``img_shape``,
    ``ori_shape``; ``seg_fields`` is extended.
    """

    def transform(self, results: dict) -> Optional[dict]:  # noqa: UP045
        """Add what ``LoadImageFromFile`` and ``LoadAnnotations`` would.

        Args:
            results: An entry of ``StreetsDataset``.

        Returns:
            The same dictionary.
        """
        image, label = render_street(**results['street'])
        if results.get('label_map') is not None:
            drawn = label.copy()
            for old, new in results['label_map'].items():
                label[drawn == old] = new
        results['img'] = image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        results['gt_seg_map'] = label
        results['seg_fields'].append('gt_seg_map')
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
