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
    """Loads a label of a copy, where the pipeline has ``LoadSynthiaAnnotations``.

    It counts as one because ``SynthiaDataset`` takes no other; the copy's labels have one id a
    pixel, SYNTHIA's too.
    """

    def _decode(self, data: bytes, path: str) -> Any:
        with _repairable(path):
            return decode_ids(data, path)


class LoadPreparedImage(LoadCheckedImage):
    """Loads a picture of a copy, where the pipeline has ``LoadCheckedImage``."""

    def transform(self, results: dict) -> dict:
        """Loads ``results['img_path']``, as its base does."""
        with _repairable(results['img_path']):
            return super().transform(results)


@contextmanager
def _repairable(path: str) -> Iterator[None]:
    """Names the remedy for a broken file of a copy, in place of that for an original."""
    try:
        yield
    except JointError as error:
        reason = str(error).rsplit(': ', 1)[0]
        raise JointError(
            f'{reason}: run tools/prepare_dataset.py again as for this copy (see prepared.json '
            'there), which writes its broken files anew'
        ) from error


def built(steps: Sequence[Any]) -> list[Any]:
    """Builds the steps of a pipeline that are configs."""
    return [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in steps]


def loading_steps(steps: Sequence[Any], where: str) -> list[Any]:
    """Returns the steps that load picture and label, with which a pipeline starts.

    Args:
        steps: The built steps.
        where: Whose pipeline it is, for the message.

    Returns:
        The loading steps, in their order.

    Raises:
        JointError: If no picture is loaded, or in a way that a copy cannot keep.
    """
    found = list(
        takewhile(lambda step: isinstance(step, (LoadImageFromFile, LoadAnnotations)), steps)
    )
    loader = next((step for step in found if isinstance(step, LoadImageFromFile)), None)
    if loader is None:
        raise JointError(f'{where} cannot be prepared: its pipeline does not start with loading')
    if loader.to_float32 or loader.color_type != 'color':
        raise JointError(
            f'{where} cannot be prepared: a copy has 8-bit colours, so load the pictures with '
            "to_float32=False and color_type='color'"
        )
    if any(getattr(step, 'reduce_zero_label', None) for step in found):
        raise JointError(f'{where} cannot be prepared with reduce_zero_label=True')
    return found


def single_resize(steps: Sequence[Any], where: str) -> Resize:
    """Returns the step that a copy makes superfluous.

    Args:
        steps: The built steps.
        where: Whose pipeline it is, for the message.

    Returns:
        The ``Resize`` to a fixed size, right after loading.

    Raises:
        JointError: If there is none, or labels are loaded after it.
    """
    rest = steps[len(loading_steps(steps, where)) :]
    first: Any = rest[0] if rest else None
    kinds = (Resize, TRANSFORMS.get('Resize'))  # mmseg's own is a child of mmcv's
    if type(first) not in kinds or first.scale is None or first.keep_ratio:
        raise JointError(
            f'{where} cannot be prepared: its pipeline must resize to one fixed size right after '
            f'loading, but has {type(first).__name__ if rest else "nothing"} there'
        )
    if any(isinstance(step, LoadAnnotations) for step in rest):
        raise JointError(
            f'{where} cannot be prepared: its labels are loaded after Resize, at their own size'
        )
    return first


def setting_of(steps: Sequence[Any], dataset: str, where: str) -> Setting:
    """Returns the setting of the copy that a pipeline can be fed with.

    Args:
        steps: The built steps.
        dataset: Type of the data set.
        where: Whose pipeline it is, for the message.

    Returns:
        The setting.

    Raises:
        JointError: If there is no such copy.
    """
    resize = single_resize(steps, where)
    width, height = resize.scale
    decoder = decoder_of(loading_steps(steps, where))
    return Setting(dataset, (width, height), resize.interpolation, resize.backend, decoder)


def decoder_of(loading: Sequence[Any]) -> str:
    """Returns what decodes the pictures."""
    loader = next(step for step in loading if isinstance(step, LoadImageFromFile))
    return loader.imdecode_backend or 'cv2'


def reading_copies(steps: Sequence[Any]) -> list[Any]:
    """Returns a pipeline's steps with what they need to read a copy.

    ``Resize`` stays: to the size that a picture has already, it changes nothing.
    """
    return [_reading_copies(step) for step in steps]


def _reading_copies(step: Any) -> Any:
    if isinstance(step, LoadSynthiaAnnotations) or type(step) is LoadMappedAnnotations:
        return LoadPreparedAnnotations(backend_args=step.backend_args)
    if type(step) is LoadCheckedImage:
        return LoadPreparedImage(
            imdecode_backend=step.imdecode_backend,
            ignore_empty=step.ignore_empty,
            backend_args=step.backend_args,
        )
    return step
