from __future__ import annotations

import os.path as osp
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from mmseg_joint.errors import JointError

from .manifest import Folder, read_manifest
from .pipeline import read_from_copy, setting_of

SUFFIX = '.png'


def png_suffix(suffix: str) -> str:
    """Return the end of a file's name in a copy: ``.png`` in place of ``.jpg`` and the like."""
    return osp.splitext(f'x{suffix}')[0][1:] + SUFFIX


def places(prefix: dict[str, str], img_suffix: str, seg_map_suffix: str) -> dict[str, str]:
    """Return where a copy has what the dataset has at ``prefix``: the same place, a normal path.

    Raises:
        JointError: When a path leaves the root, or a label would get its image's name.
    """
    found = {}
    for key, value in prefix.items():
        path = PurePosixPath(PurePath(value or '.').as_posix())
        if path.is_absolute() or '..' in path.parts or '://' in value:
            raise JointError(
                f"data_prefix.{key} is '{value}': a prepared copy has the same folders as the "
                'originals, so give a path relative to data_root'
            )
        found[key] = str(path)
    same = found.get('img_path') == found.get('seg_map_path')
    if same and png_suffix(img_suffix) == png_suffix(seg_map_suffix):
        raise JointError(
            f"images '*{img_suffix}' and labels '*{seg_map_suffix}' are in one folder and would "
            'have the same names in a prepared copy: put them in two folders'
        )
    return found


class PreparedCopy:
    """The copy that a dataset reads in the place of its originals.

    Args:
        root: The copy's folder, as ``tools/prepare_dataset.py`` has left it.
        dataset: Type of the dataset.
        prefix: ``img_path`` and perhaps ``seg_map_path``, relative to the dataset's root.
        img_suffix: End of the original images' names.
        seg_map_suffix: End of the original labels' names.

    Raises:
        JointError: When it is no such copy, is not finished or lacks the folder or its labels.
    """

    def __init__(
        self, root: str, dataset: str, prefix: dict[str, str], img_suffix: str, seg_map_suffix: str
    ) -> None:
        self.root, self.dataset = root, dataset
        relative = places(prefix, img_suffix, seg_map_suffix)
        self.folder = self._open(relative['img_path'])
        if 'seg_map_path' in relative and not self.folder.labeled:
            raise JointError(
                f"{self._where} has no labels for '{relative['img_path']}': run "
                'tools/prepare_dataset.py for a labeled domain too'
            )
        # absolute, so that the dataset puts no other root before it
        self.prefix = {key: osp.abspath(osp.join(root, value)) for key, value in relative.items()}
        self.suffixes = png_suffix(img_suffix), png_suffix(seg_map_suffix)

    @property
    def _where(self) -> str:
        return f"prepared='{self.root}' of {self.dataset}"

    def _open(self, name: str) -> Folder:
        manifest = read_manifest(Path(self.root))
        if manifest is None:
            raise JointError(
                f'{self._where} is no prepared copy: correct it, or write one with '
                'tools/prepare_dataset.py'
            )
        self.setting = manifest.setting
        if self.setting.dataset != self.dataset:
            raise JointError(f'{self._where} is a copy of {self.setting.dataset}: correct it')
        folder = manifest.folders.get(name)
        if folder is None or folder.images is None:
            state = 'has no' if folder is None else 'is not finished:'
            raise JointError(
                f"{self._where} {state} folder '{name}': run tools/prepare_dataset.py (again)"
            )
        return folder

    def adapt(self, steps: list[Any], reduce_zero_label: bool = False) -> list[Any]:
        """Check that a pipeline gives the same samples from the copy, and let it read them.

        Returns:
            The steps to use. An empty pipeline, of who only lists images, stays empty.

        Raises:
            JointError: When the pipeline resizes in another way than the copy was made.
        """
        if not steps:
            return steps
        if reduce_zero_label:
            raise JointError(f'{self._where} does not go with reduce_zero_label=True')
        wanted = setting_of(steps, self.dataset, self._where)
        difference = self.setting.difference(wanted)
        if difference:
            raise JointError(
                f'{self._where} does not fit the pipeline: the copy was made with {difference}; '
                'prepare another one, or leave prepared out'
            )
        return [read_from_copy(step) for step in steps]

    def check_count(self, found: int) -> None:
        """Refuse a copy that has lost images.

        Raises:
            JointError: When there were another number when it was written.
        """
        if found != self.folder.images:
            raise JointError(
                f'{self._where} has {found} of {self.folder.images} images: run '
                'tools/prepare_dataset.py again, which writes the missing ones'
            )
