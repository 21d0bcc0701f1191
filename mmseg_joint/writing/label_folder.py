from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmseg_joint.datasets.written_dataset import IMAGE_LIST, LABELS, MANIFEST
from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import atomic_write

IMAGES = 'images'  # subfolder for images that a tool draws
UNFINISHED = '.unfinished'  # scratch folder while a tool writes


class LabelFolder:
    """A folder for :class:`~mmseg_joint.datasets.WrittenDataset`, while it is being written.

    Every file is written atomically, the manifest last: what a killed tool leaves behind is not
    taken for a dataset.

    Args:
        path: The folder.
        classes: Names of the classes.
        palette: Red, green and blue of each class.
        force: Whether to replace an earlier dataset in it.
        read: Folder of the images that the tool reads; none of them is replaced.

    Raises:
        JointError: When it holds an earlier dataset, without `force`, or anything else, or the
            images to read.
    """

    def __init__(
        self,
        path: Path,
        classes: Sequence[str],
        palette: Sequence[Sequence[int]],
        force: bool = False,
        read: str | None = None,
    ) -> None:
        if read is not None and Path(read).resolve().is_relative_to(path.resolve()):
            raise JointError(
                f'--out {path} holds the images to read, {read}: choose another folder.'
            )
        self.path, self.scratch = path, path / UNFINISHED
        self.classes, self.palette = tuple(classes), [list(color) for color in palette]
        there = {entry.name for entry in path.glob('*')}
        if there and not there & {MANIFEST, UNFINISHED}:
            raise JointError(
                f'--out {path} holds something other than a dataset of these tools: choose another '
                'folder.'
            )
        if MANIFEST in there and not force:
            raise JointError(
                f'--out {path} holds a dataset already: choose another folder, or replace it with '
                '--force.'
            )
        self.scratch.mkdir(parents=True, exist_ok=True)
        (path / MANIFEST).unlink(missing_ok=True)
        for folder in (path / LABELS, path / IMAGES, self.scratch):  # which marks it until then
            shutil.rmtree(folder, ignore_errors=True)
        self.scratch.mkdir()

    def write_label(self, name: str, label: np.ndarray) -> None:
        """Write a label as a palette PNG.

        Args:
            name: The image's path without its suffix, relative to the folder of the images.
            label: Class indices or 255, (H, W), `uint8`.
        """
        image = Image.fromarray(label)
        # white where there is no class
        image.putpalette([*chain(*self.palette), *[255] * 3 * (256 - len(self.palette))])
        atomic_write(self.path / LABELS / f'{name}.png', partial(image.save, format='PNG'))

    def finish(self, images: str, img_suffix: str, names: Sequence[str], **more: Any) -> None:
        """Write the list of images and the manifest."""
        atomic_write(self.path / IMAGE_LIST, ''.join(f'{name}\n' for name in names))
        content = {
            # `..` in a path goes up from where links lead
            'images': os.path.relpath(images, os.path.realpath(self.path)),
            'img_suffix': img_suffix,
            'classes': self.classes,
            'palette': self.palette,
            **more,
        }
        atomic_write(self.path / MANIFEST, json.dumps(content, indent=1) + '\n')
        shutil.rmtree(self.scratch, ignore_errors=True)
