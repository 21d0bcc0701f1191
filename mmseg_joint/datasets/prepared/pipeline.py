from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

from mmcv.transforms import LoadAnnotations, LoadImageFromFile, Resize
from mmseg.registry import TRANSFORMS

from mmseg_joint.datasets.transforms.label_files import decode_ids
from mmseg_joint.datasets.transforms.loading import (
    LoadCheckedImage,
    LoadMappedAnnotations,
    LoadSynthiaAnnotations,
)
from mmseg_joint.errors import JointError

from .manifest import Setting


class LoadPreparedAnnotations(LoadSynthiaAnnotations):
    """Load a label of a copy, where the pipeline has ``LoadSynthiaAnnotations``.

    It counts as one because ``SynthiaDataset`` takes no other; the copy's labels have one id a
    pixel, SYNTHIA's too.
    """

    def _decode(self, data: bytes, path: str) -> Any:
        with _repairable(path):
            return decode_ids(data, path)


class LoadPreparedImage(LoadCheckedImage):
    """Load an image of a copy, where the pipeline has ``LoadCheckedImage``."""

    def transform(self, results: dict) -> dict:
        """Load ``results['img_path']``, as its base does."""
        with _repairable(results['img_path']):
            return super().transform(results)


@contextmanager
def _repairable(path: str) -> Iterator[None]:
    """Name the remedy for a broken file of a copy, in place of that for an original."""
    try:
        yield
    except JointError as error:
        reason = str(error).rsplit(': ', 1)[0]
        raise JointError(
            f'{reason}: run tools/prepare_dataset.py again as for this copy (see prepared.json '
            'there), which writes its broken files anew'
        ) from error


def built(steps: Sequence[Any]) -> list[Any]:
    """Build the steps of a pipeline that are configs."""
    return [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in steps]


def loading_steps(steps: Sequence[Any], where: str) -> list[Any]:
    """Return the steps that load image and label, with which a pipeline starts.

    Raises:
        JointError: When no image is loaded, or in a way that a copy cannot keep.
    """
    found = list(
        takewhile(lambda step: isinstance(step, (LoadImageFromFile, LoadAnnotations)), steps)
    )
    loader = next((step for step in found if isinstance(step, LoadImageFromFile)), None)
    if loader is None:
        raise JointError(f'{where} cannot be prepared: its pipeline does not start with loading')
    if loader.to_float32 or loader.color_type != 'color':
        raise JointError(
            f'{where} cannot be prepared: a copy has 8-bit colors, so load the images with '
            "to_float32=False and color_type='color'"
        )
    if any(getattr(step, 'reduce_zero_label', None) for step in found):
        raise JointError(f'{where} cannot be prepared with reduce_zero_label=True')
    return found


def setting_of(steps: Sequence[Any], dataset: str, where: str) -> Setting:
    """Return the setting of the copy that a pipeline can be fed with.

    Raises:
        JointError: When there is no such copy: nothing is resized to one fixed size right after
            loading, or labels are loaded after that.
    """
    loading = loading_steps(steps, where)
    rest = steps[len(loading) :]
    resize: Any = rest[0] if rest else None
    kinds = (Resize, TRANSFORMS.get('Resize'))  # mmseg's own is a child of mmcv's
    if type(resize) not in kinds or resize.scale is None or resize.keep_ratio:
        raise JointError(
            f'{where} cannot be prepared: its pipeline must resize to one fixed size right after '
            f'loading, but has {type(resize).__name__ if rest else "nothing"} there'
        )
    if any(isinstance(step, LoadAnnotations) for step in rest):
        raise JointError(
            f'{where} cannot be prepared: its labels are loaded after Resize, at their own size'
        )
    width, height = resize.scale
    loader = next(step for step in loading if isinstance(step, LoadImageFromFile))
    decoder = loader.imdecode_backend or 'cv2'
    return Setting(dataset, (width, height), resize.interpolation, resize.backend, decoder)


def read_from_copy(step: Any) -> Any:
    """Return a pipeline's step, or what does its work where a copy is read.

    ``Resize`` stays: to the size that an image has already, it changes nothing.
    """
    if isinstance(step, LoadSynthiaAnnotations) or type(step) is LoadMappedAnnotations:
        return LoadPreparedAnnotations(backend_args=step.backend_args)
    if type(step) is LoadCheckedImage:
        return LoadPreparedImage(
            imdecode_backend=step.imdecode_backend,
            ignore_empty=step.ignore_empty,
            backend_args=step.backend_args,
        )
    return step
