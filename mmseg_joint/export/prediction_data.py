from __future__ import annotations

import copy
from typing import Any

from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from mmseg.registry import DATASETS, TRANSFORMS

from mmseg_joint.errors import JointError, reason_of
from mmseg_joint.streets.dataset import LoadStreet
from mmseg_joint.utils.walk import class_of, datasets_in

from .plain_model import is_ours


def plain_pipeline(pipeline: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turn a test pipeline into one that `MMSegInferencer` can start.

    It looks for `LoadImageFromFile` and `LoadAnnotations` by name, replaces the first and drops the
    second. Our checked loading becomes the first; a label loader with another name is left out,
    because plain mmseg has none that maps raw ids, and would silently take them for classes.

    Raises:
        JointError: When no step loads an image.
    """
    plain = []
    for step in copy.deepcopy(pipeline):
        found = class_of(step, TRANSFORMS) or object
        if issubclass(found, LoadStreet):
            step = {'type': 'LoadImageFromFile'}
        elif issubclass(found, LoadImageFromFile):
            if found is LoadImageFromFile or is_ours(found):
                step['type'] = 'LoadImageFromFile'
        elif issubclass(found, LoadAnnotations):
            if is_ours(found) or found.__name__ != 'LoadAnnotations':
                continue
            step['type'] = 'LoadAnnotations'
        plain.append(step)
    if not any(step.get('type') == 'LoadImageFromFile' for step in plain):
        raise JointError(
            'test_dataloader.dataset.pipeline has no LoadImageFromFile or LoadCheckedImage, where '
            'MMSegInferencer puts the image in: add one as its first step.'
        )
    return plain


def tested_dataset(values: dict[str, Any]) -> dict[str, Any]:
    """Find the dataset that a config tests on, inside any wrappers.

    Raises:
        JointError: When the config has none, or one without a pipeline.
    """
    given = (values.get('test_dataloader') or values.get('val_dataloader') or {}).get('dataset')
    places = next(datasets_in(given, ''), ())
    found = next((node for _, node in places if 'pipeline' in node), None)
    if found is None:
        raise JointError(
            'The config has no test_dataloader.dataset with a pipeline, by which images are '
            'prepared: add it.'
        )
    return found


def build_lazily(dataset: dict[str, Any]) -> Any:
    """Build a dataset without looking at its files, for its classes and folders.

    Raises:
        JointError: When it cannot be built.
    """
    try:
        return DATASETS.build({**dataset, 'pipeline': [], 'lazy_init': True})
    except JointError:
        raise
    except Exception as error:  # whatever a user's dataset raises
        raise JointError(
            f'test_dataloader.dataset of type {dataset.get("type")} cannot be built '
            f'({reason_of(error)}): correct it.'
        ) from error


def dataset_meta(dataset: Any, num_classes: int) -> dict[str, list]:
    """Return names and colors of the classes, as plain lists `classes` and `palette`.

    Raises:
        JointError: When the dataset has another number of classes.
    """
    classes = list(dataset.metainfo.get('classes') or ())
    if len(classes) != num_classes:
        raise JointError(
            f'test_dataloader.dataset has {len(classes)} classes and model.decode_head.num_classes '
            f'is {num_classes}: give the dataset the classes of the model, in metainfo.classes.'
        )
    palette = [[int(value) for value in color] for color in dataset.metainfo['palette']]
    return {'classes': classes, 'palette': palette}
