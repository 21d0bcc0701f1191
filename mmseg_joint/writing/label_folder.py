from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmseg_joint.datasets.written_dataset import IMAGE_LIST, LABELS, MANIFEST
from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import atomic_write

IMAGES = 'images'  # of those that a tool draws
UNFINISHED = '.unfinished'  # what a tool keeps for itself while it writes


class LabelFolder:
    """A folder for :class:`~mmseg_joint.datasets.WrittenDataset`, while it is being written.

    Every file is whole or absent, and the manifest is the last: what a killed tool has left is not
    taken for a dataset.

    Args:
        path: The folder.
        classes: Names of the classes.
        palette: Red, green and blue of each class.
        force: Whether an earlier dataset in it is replaced.

    Raises:
        JointError: When it holds an earlier dataset, without `force`, or anything else.
    """

    def __init__(
        self,
        path: Path,
        classes: Sequence[str],
        palette: Sequence[Sequence[int]],
        force: bool = False,
    ) -> None:
        self.path = path
        self.classes, self.palette = tuple(classes), [list(color) for color in palette]
        self.scratch = path / UNFINISHED
        self._palette = np.full((256, 3), 255, dtype=np.uint8)  # white where there is no class
        self._palette[: len(palette)] = palette
        self._clear(force)

    def _clear(self, force: bool) -> None:
        there = {entry.name for entry in self.path.iterdir()} if self.path.is_dir() else set()
        if there and not there & {MANIFEST, UNFINISHED}:
            raise JointError(
                f'--out {self.path} holds something else than a dataset of these tools: choose '
                'another folder.'
            )
        if MANIFEST in there and not force:
            raise JointError(
                f'--out {self.path} holds a dataset already: choose another folder, or replace it '
                'with --force.'
            )
        try:
            self.scratch.mkdir(parents=True, exist_ok=True)
            (self.path / MANIFEST).unlink(missing_ok=True)
            for folder in (self.scratch, self.path / LABELS, self.path / IMAGES):
                shutil.rmtree(folder, ignore_errors=True)
            self.scratch.mkdir()
        except OSError as error:
            raise JointError(
                f'--out {self.path} cannot be written ({error.strerror}): choose another folder.'
            ) from error

    def write_label(self, name: str, label: np.ndarray) -> None:
        """Write a label as a palette PNG.

        Args:
            name: The image's path without its suffix, relative to the folder of the images.
            label: Class indices or 255, (H, W), `uint8`.
        """
        image = Image.fromarray(label)
        image.putpalette(self._palette.ravel().tolist())
        write_png(self.path / LABELS / f'{name}.png', image)

    def finish(self, images: str, img_suffix: str, names: Sequence[str], **more: Any) -> None:
        """Write the list of images and the manifest."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        atomic_write(self.path / IMAGE_LIST, ''.join(f'{name}\n' for name in names))
        content = {
            'images': os.path.relpath(images, self.path),
            'img_suffix': img_suffix,
            'classes': self.classes,
            'palette': self.palette,
            **more,
        }
        atomic_write(self.path / MANIFEST, json.dumps(content, indent=1) + '\n')


def write_png(path: Path, image: Image.Image) -> None:
    """Write an image as a PNG, whole or not at all."""
    content = io.BytesIO()
    image.save(content, 'PNG')
    atomic_write(path, content.getvalue())
