from __future__ import annotations

from pathlib import Path
from typing import Any

from mmseg_joint.errors import JointError

from .manifest import Folder, read_manifest
from .pipeline import reading_copies, setting_of
from .places import absolute, places, png_suffix


class PreparedCopy:
    """The copy that a data set reads in the place of its originals.

    Args:
        root: The copy's folder, as ``tools/prepare_dataset.py`` has left it.
        dataset: Type of the data set.
        prefix: ``img_path`` and perhaps ``seg_map_path``, relative to the data set's root.
        img_suffix: End of the original pictures' names.
        seg_map_suffix: End of the original labels' names.

    Raises:
        JointError: If it is no such copy, is not finished or lacks the folder or its labels.
    """

    def __init__(
        self, root: str, dataset: str, prefix: dict[str, str], img_suffix: str, seg_map_suffix: str
    ) -> None:
        self.root, self.dataset = root, dataset
        relative = places(prefix, img_suffix, seg_map_suffix)
        self.folder = self._open(relative['img_path'])
        if 'seg_map_path' in relative and not self.folder.labelled:
            raise JointError(
                f"{self._where} has no labels for '{relative['img_path']}': run "
                'tools/prepare_dataset.py for a labelled domain too'
            )
        self.prefix = absolute(root, relative)
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
        if folder is None or folder.pictures is None:
            state = 'has no' if folder is None else 'is not finished:'
            raise JointError(
                f"{self._where} {state} folder '{name}': run tools/prepare_dataset.py (again)"
            )
        return folder

    def adapt(self, steps: list[Any], reduce_zero_label: bool = False) -> list[Any]:
        """Checks that a pipeline gives the same samples from the copy, and lets it read them.

        Args:
            steps: The built steps.
            reduce_zero_label: The data set's.

        Returns:
            The steps to use. An empty pipeline, of who only lists pictures, stays empty.

        Raises:
            JointError: If the pipeline resizes in another way than the copy was made.
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
        return reading_copies(steps)

    def check_count(self, found: int) -> None:
        """Refuses a copy that has lost pictures.

        Args:
            found: How many there are.

        Raises:
            JointError: If there were another number when it was written.
        """
        if found != self.folder.pictures:
            raise JointError(
                f'{self._where} has {found} of {self.folder.pictures} pictures: run '
                'tools/prepare_dataset.py again, which writes the missing ones'
            )
