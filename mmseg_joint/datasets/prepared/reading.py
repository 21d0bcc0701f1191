from __future__ import annotations

import os.path as osp
from pathlib import Path, PurePath
from typing import Any

from mmseg_joint.errors import JointError

from .manifest import read_manifest, setting_of

SUFFIX = '.png'


def png_suffix(suffix: str) -> str:
    """Return a file's suffix in a copy: ``.png`` in place of ``.jpg`` and the like."""
    return osp.splitext(f'x{suffix}')[0][1:] + SUFFIX


def places(prefix: dict[str, str], img_suffix: str, seg_map_suffix: str) -> dict[str, str]:
    """Return a copy's folders for a dataset's ``prefix``: the same relative paths, normalized.

    Raises:
        JointError: When a path leaves the root, or a label would get its image's name.
    """
    found = {key: PurePath(value or '.').as_posix() for key, value in prefix.items()}
    for key, path in found.items():
        if osp.isabs(path) or '..' in PurePath(path).parts or '://' in prefix[key]:
            raise JointError(
                f"data_prefix.{key} is '{path}': a prepared copy has the same folders as the "
                'originals, so give a path relative to data_root'
            )
    same = found.get('img_path') == found.get('seg_map_path')
    if same and png_suffix(img_suffix) == png_suffix(seg_map_suffix):
        raise JointError(
            f"images '*{img_suffix}' and labels '*{seg_map_suffix}' are in one folder and would "
            'have the same names in a prepared copy: put them in two folders'
        )
    return found


class PreparedCopy:
    """The copy that a dataset reads in place of its originals.

    Args:
        root: The copy's folder, as written by ``tools/prepare_dataset.py``.
        dataset: Type of the dataset.
        prefix: ``img_path`` and perhaps ``seg_map_path``, relative to the dataset's root.
        img_suffix: Suffix of the original images' names.
        seg_map_suffix: Suffix of the original labels' names.

    Raises:
        JointError: When it is no such copy, is unfinished, or lacks the image folder or its labels.
    """

    def __init__(
        self, root: str, dataset: str, prefix: dict[str, str], img_suffix: str, seg_map_suffix: str
    ) -> None:
        self._where = f"prepared='{root}' of {dataset}"
        manifest = read_manifest(Path(root))
        if manifest is None:
            raise JointError(
                f'{self._where} is no prepared copy: correct it, or write one with '
                'tools/prepare_dataset.py'
            )
        if manifest.setting.dataset != dataset:
            raise JointError(f'{self._where} is a copy of {manifest.setting.dataset}: correct it')
        relative = places(prefix, img_suffix, seg_map_suffix)
        name = relative['img_path']
        folder = manifest.folders.get(name)
        if folder is None or folder['images'] is None:
            state = 'has no' if folder is None else 'is not finished:'
            raise JointError(
                f"{self._where} {state} folder '{name}': run tools/prepare_dataset.py (again)"
            )
        if 'seg_map_path' in relative and not folder['labeled']:
            raise JointError(
                f"{self._where} has no labels for '{name}': run tools/prepare_dataset.py for a "
                'labeled domain too'
            )
        self._setting, self._images = manifest.setting, folder['images']
        # absolute, so that the dataset does not prepend its own root
        self.prefix = {key: osp.abspath(osp.join(root, value)) for key, value in relative.items()}
        self.suffixes = png_suffix(img_suffix), png_suffix(seg_map_suffix)

    def check_pipeline(self, dataset: Any) -> None:
        """Refuse a pipeline whose samples would differ from those of the originals.

        An empty pipeline, used only to list images, is fine. Other pipelines keep their ``Resize``:
        it leaves an image that already has that size unchanged.
        """
        if not dataset.pipeline.transforms:
            return
        difference = self._setting.difference(setting_of(dataset, self._where))
        if difference:
            raise JointError(
                f'{self._where} does not fit the pipeline: the copy was made with {difference}; '
                'prepare another one, or leave prepared out'
            )

    def check_count(self, found: int) -> None:
        """Refuse a copy that has lost images since it was written, or has more than it should."""
        if found != self._images:
            remedy = 'run tools/prepare_dataset.py again, which writes the missing ones'
            if found > self._images:
                remedy = 'delete those that the originals do not have, or write another copy'
            raise JointError(f'{self._where} has {found} of {self._images} images: {remedy}')
