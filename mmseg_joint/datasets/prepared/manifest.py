from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import atomic_path

MANIFEST = 'prepared.json'


@dataclass(frozen=True)
class Setting:
    """All that decides about the pixels of a copy, besides the originals."""

    dataset: str  #: type of the dataset
    size: tuple[int, int]  #: width and height in pixels
    interpolation: str = 'bilinear'  #: of the images; labels are always resized with ``nearest``
    backend: str = 'cv2'  #: what resizes, ``cv2`` or ``pillow``
    decoder: str = 'cv2'  #: what decodes the original images; JPEGs come out differently

    @property
    def resize(self) -> dict[str, Any]:
        """The step that resizes in this way."""
        way = {'interpolation': self.interpolation, 'backend': self.backend}
        return {'type': 'Resize', 'scale': self.size, **way}

    def difference(self, other: Setting) -> str:
        """Say where two settings differ: ``size (1280, 720), not (1024, 512)``; empty if equal."""
        own, theirs = asdict(self), asdict(other)
        differing = [key for key in own if own[key] != theirs[key]]
        return ', '.join(f'{key} {own[key]}, not {theirs[key]}' for key in differing)


@dataclass
class Folder:
    """One image folder of a copy, e.g. a split."""

    images: int | None = None  #: how many it has; None while it is being written
    labeled: bool = False  #: whether every image has a label


@dataclass
class Manifest:
    """What a copy is a copy of."""

    setting: Setting  #: how it was made
    source: str  #: absolute path of the originals
    versions: dict[str, str] = field(default_factory=dict)  #: of what made it
    #: image folder, relative to either root → what is in the copy
    folders: dict[str, Folder] = field(default_factory=dict)

    def save(self, root: Path) -> None:
        """Write it to its place, all or nothing."""
        with atomic_path(root / MANIFEST, durable=True) as partial:
            partial.write_text(json.dumps(asdict(self), indent=2) + '\n', encoding='utf-8')


def read_manifest(root: Path) -> Manifest | None:
    """Read the manifest of a copy's folder; None if there is none.

    Raises:
        JointError: When it cannot be understood.
    """
    path = root / MANIFEST
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        given = {entry.name: content['setting'][entry.name] for entry in fields(Setting)}
        given['size'] = tuple(given['size'])
        folders = {name: Folder(**entry) for name, entry in content['folders'].items()}
        return Manifest(Setting(**given), content['source'], content['versions'], folders)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise JointError(
            f"'{path}' is damaged or of an earlier version: delete its folder and run "
            'tools/prepare_dataset.py again'
        ) from error
