from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from mmcv.transforms import LoadAnnotations, LoadImageFromFile, Resize
from mmseg.registry import TRANSFORMS

from mmseg_joint.errors import JointError
from mmseg_joint.utils.atomic_write import atomic_path

MANIFEST = 'prepared.json'


@dataclass(frozen=True)
class Setting:
    """Everything that determines a copy's pixels, besides the originals."""

    dataset: str  #: type of the dataset
    size: tuple[int, int]  #: width and height in pixels
    interpolation: str  #: of the images; labels are always resized with ``nearest``
    backend: str  #: what resizes, ``cv2`` or ``pillow``
    decoder: str  #: what decodes the original images; decoders differ on JPEGs

    def difference(self, other: Setting) -> str:
        """List where two settings differ: ``size (1280, 720), not (1024, 512)``; empty if equal."""
        pairs = zip(asdict(self).items(), asdict(other).values())
        return ', '.join(f'{key} {own}, not {its}' for (key, own), its in pairs if own != its)


@dataclass
class Manifest:
    """What a copy was made from, and how."""

    setting: Setting  #: how it was made
    source: str  #: absolute path of the originals
    versions: dict[str, str]  #: of the packages that made it
    #: image folder, relative to both roots → how many ``images`` it has (None while it is being
    #: written), and whether each is ``labeled``
    folders: dict[str, dict[str, Any]]

    def save(self, root: Path) -> None:
        """Write the manifest into a copy's folder, all or nothing."""
        with atomic_path(root / MANIFEST, durable=True) as partial:
            partial.write_text(json.dumps(asdict(self), indent=2) + '\n', encoding='utf-8')


def read_manifest(root: Path) -> Manifest | None:
    """Read the manifest of a copy's folder; None if there is none.

    Raises:
        JointError: When it cannot be parsed.
    """
    path = root / MANIFEST
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        given = content['setting']
        setting = Setting(**{**given, 'size': tuple(given['size'])})
        folders = {
            name: {'images': entry['images'], 'labeled': entry['labeled']}
            for name, entry in content['folders'].items()
        }
        return Manifest(**{**content, 'setting': setting, 'folders': folders})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise JointError(
            f"'{path}' is damaged or of another version: delete its folder and run "
            'tools/prepare_dataset.py again'
        ) from error


def loading_steps(dataset: Any) -> list[Any]:
    """Return the steps that load image and label, at the start of a dataset's pipeline."""
    loading = (LoadImageFromFile, LoadAnnotations)
    return list(takewhile(lambda step: isinstance(step, loading), dataset.pipeline.transforms))


def setting_of(dataset: Any, where: str) -> Setting:
    """Find the setting of a copy that can feed a dataset's pipeline.

    Args:
        dataset: A dataset with raw labels.
        where: Its name in messages.

    Raises:
        JointError: When no such copy is possible: images are not loaded in 8-bit colors, are not
            resized to one fixed size right after that, or labels are loaded later.
    """
    loading = loading_steps(dataset)
    rest = dataset.pipeline.transforms[len(loading) :]
    loader = next((step for step in loading if isinstance(step, LoadImageFromFile)), None)
    if loader is None:
        raise JointError(f'{where} cannot be prepared: its pipeline does not start with loading')
    if loader.to_float32 or loader.color_type != 'color':
        raise JointError(
            f'{where} cannot be prepared: a copy has 8-bit colors, so load the images with '
            "to_float32=False and color_type='color'"
        )
    if any(getattr(part, 'reduce_zero_label', None) for part in (dataset, *loading)):
        raise JointError(f'{where} does not go with reduce_zero_label=True: map the ids instead')
    resize: Any = rest[0] if rest else None
    kinds = (Resize, TRANSFORMS.get('Resize'))  # mmseg's own is a subclass of mmcv's
    if type(resize) not in kinds or resize.scale is None or resize.keep_ratio:
        raise JointError(
            f'{where} cannot be prepared: its pipeline must resize to one fixed size right after '
            f'loading, but has {type(resize).__name__ if rest else "nothing"} there'
        )
    if any(isinstance(step, LoadAnnotations) for step in rest):
        raise JointError(
            f'{where} cannot be prepared: its labels are loaded after Resize, at their own size'
        )
    decoder = loader.imdecode_backend or 'cv2'
    way = (resize.interpolation, resize.backend, decoder)
    return Setting(type(dataset).__name__, tuple(resize.scale), *way)
