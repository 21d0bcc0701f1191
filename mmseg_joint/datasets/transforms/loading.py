from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS

from mmseg_joint.datasets.label_maps import IGNORE
from mmseg_joint.datasets.transforms.label_files import (
    check_image,
    decode_ids,
    decode_synthia,
    read_bytes,
)
from mmseg_joint.errors import JointError


def lookup_table(label_map: dict[int, int] | None) -> tuple[np.ndarray, np.ndarray]:
    """Turn a map from raw to train ids into arrays; None is the identity.

    Returns:
        The train id of each raw id, ``uint8``, (256,), and whether the map has it, ``bool``.
    """
    if label_map is None:
        return np.arange(256, dtype=np.uint8), np.ones(256, dtype=bool)
    table, known = np.full(256, IGNORE, dtype=np.uint8), np.zeros(256, dtype=bool)
    table[list(label_map)] = np.array(list(label_map.values()), dtype=np.int64)
    known[list(label_map)] = True
    return table, known


@contextmanager
def _remedy(results: dict) -> Iterator[None]:
    """For a file of a prepared copy, replace the remedy in the message with the copy's."""
    try:
        yield
    except JointError as error:
        if not results.get('prepared'):
            raise
        reason = str(error).rsplit(': ', 1)[0]
        raise JointError(
            f'{reason}: run tools/prepare_dataset.py again as for this copy (see prepared.json '
            'there), which writes its broken files anew'
        ) from error


@TRANSFORMS.register_module()
class LoadMappedAnnotations(LoadAnnotations):
    """Loads a label file of raw ids and maps it to train ids, or says what is wrong with it.

    It replaces mmseg's ``LoadAnnotations``, takes its arguments, and returns the same array for a
    good file. Only bad files are treated differently: a value that is not in the dataset's map, a
    label whose size is not its image's, and a file that some decoder would misread give a
    one-sentence error instead of wrong labels.

    Required keys: ``seg_map_path``, ``label_map`` (raw id → train id, or None),
    ``reduce_zero_label``, ``seg_fields``. Optional keys: ``ori_shape`` and ``size_tolerance``
    (by how many pixels the label may differ from it; the label is then cropped or padded),
    ``dataset_name`` and ``label_hint`` for messages, and ``prepared`` for a prepared copy, whose
    labels have one id per pixel whatever the original format.

    Args:
        reduce_zero_label: Whether raw id 0 is ignored and the others move down by one, before the
            map. Taken from the dataset if None.
        backend_args: mmengine's file backend.
        imdecode_backend: Accepted for compatibility and not used: see
            :func:`~mmseg_joint.datasets.transforms.label_files.decode_ids`.

    Raises:
        JointError: When loading, as above.
    """

    def _decode(self, data: bytes, path: str) -> np.ndarray:
        return decode_ids(data, path)

    def _load_seg_map(self, results: dict) -> None:
        path = results['seg_map_path']
        decode = decode_ids if results.get('prepared') else self._decode
        with _remedy(results):
            raw = decode(read_bytes(path, 'label file', self.backend_args), path)
            labels = self._to_train_ids(raw, results)
            results['gt_seg_map'] = self._to_image_size(labels, results)
        results['seg_fields'].append('gt_seg_map')

    def _to_train_ids(self, raw: np.ndarray, results: dict) -> np.ndarray:
        table, known = lookup_table(results.get('label_map'))
        reduce_zero_label = self.reduce_zero_label
        if reduce_zero_label is None:
            reduce_zero_label = results.get('reduce_zero_label', False)
        if reduce_zero_label:
            # File value v means raw id v - 1, and 0 and 255 mean "ignore": move the table instead.
            table = np.concatenate([[IGNORE], table[:254], [IGNORE]]).astype(np.uint8)
            known = np.concatenate([[True], known[:254], [True]])
        if not known[raw].all():
            self._refuse_values(raw, known, results)
        return table[raw]

    def _refuse_values(self, raw: np.ndarray, known: np.ndarray, results: dict) -> None:
        values = np.unique(raw)
        strange = values[~known[values]].tolist()
        allowed = np.flatnonzero(known).tolist()
        whole = len(allowed) == allowed[-1] - allowed[0] + 1
        span = f'{allowed[0]} to {allowed[-1]}' if whole else f'{allowed}'
        hint = results.get('label_hint') or 'check that data_prefix names the folder of raw ids'
        shown = f'{strange[:8]}' + (' and more' if len(strange) > 8 else '')
        raise JointError(
            f"the label file '{results['seg_map_path']}' holds the values {shown}, but "
            f'{results.get("dataset_name", "its dataset")} knows the raw ids {span}: {hint}'
        )

    def _to_image_size(self, labels: np.ndarray, results: dict) -> np.ndarray:
        # the file's own size: mmseg loads the label after Resize when it tests
        shape = results.get('ori_shape')
        if shape is None:
            return labels  # no image was loaded yet
        height, width = shape[:2]
        off = max(abs(labels.shape[0] - height), abs(labels.shape[1] - width))
        if off == 0:
            return labels
        if off <= results.get('size_tolerance', 0):
            # cropped or padded at the bottom and right; the padding is ignored
            return mmcv.impad(labels[:height, :width], shape=(height, width), pad_val=IGNORE)
        raise JointError(
            f"the label file '{results['seg_map_path']}' has {labels.shape[1]}x{labels.shape[0]} "
            f"pixels but its image '{results.get('img_path')}' has {width}x{height}: use labels "
            'of the same size (resize them with nearest-neighbor interpolation)'
        )


@TRANSFORMS.register_module()
class LoadIdAnnotations(LoadMappedAnnotations):
    """Loads a label file whose ids are not 0, 1, …: with gaps, or several for one class.

    It replaces `LoadAnnotations`::

        dict(type='LoadIdAnnotations', ids=[7, [20, 21], 40], ignored=[0])

    Keys and errors are those of :class:`LoadMappedAnnotations`.

    Args:
        ids: For each class, in the order of the dataset's classes, its id in the files (0-255), or
            a list of several.
        ignored: Ids of ignored pixels. 255 is ignored too, unless it is a class's id.
        **kwargs: Arguments of `LoadMappedAnnotations`.

    Raises:
        JointError: When an id is invalid or given twice; when loading, if a pixel has any other id,
            or if the dataset maps ids of its own.
    """

    def __init__(
        self, ids: Sequence[int | Sequence[int]], ignored: Sequence[int] = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_classes = len(ids)
        self._classes: dict[int, int] = {}
        for index, given in [*enumerate(ids), (IGNORE, ignored)]:
            for value in given if isinstance(given, (list, tuple)) else [given]:
                if type(value) is not int or not 0 <= value <= 255:
                    raise JointError(
                        f'LoadIdAnnotations has the id {value!r}: give a whole number from 0 to '
                        '255.'
                    )
                if value in self._classes:
                    raise JointError(
                        f'LoadIdAnnotations has the id {value} twice: give each to one class.'
                    )
                self._classes[value] = index
        self._classes.setdefault(IGNORE, IGNORE)

    def _to_train_ids(self, raw: np.ndarray, results: dict) -> np.ndarray:
        label_map, subset = self._classes, results.get('label_map')
        if subset:  # of the dataset's classes, as mmseg maps them
            if set(subset) != set(range(self.num_classes)):
                raise JointError(
                    f'LoadIdAnnotations lists the ids of {self.num_classes} classes, but '
                    f'{results.get("dataset_name", "its dataset")} maps the ids '
                    f'{sorted(subset)}: list one entry for each of its classes, or use '
                    "LoadMappedAnnotations if it maps the files' ids itself"
                )
            label_map = {value: subset.get(index, IGNORE) for value, index in label_map.items()}
        hint = 'add them to ids or ignored of LoadIdAnnotations'
        return super()._to_train_ids(raw, {**results, 'label_map': label_map, 'label_hint': hint})


@TRANSFORMS.register_module()
class LoadSynthiaAnnotations(LoadMappedAnnotations):
    """Loads a SYNTHIA label (16-bit, class id in the red channel) and maps it to train ids.

    Arguments, keys and errors are those of :class:`LoadMappedAnnotations`.
    """

    def _decode(self, data: bytes, path: str) -> np.ndarray:
        return decode_synthia(data, path)


@TRANSFORMS.register_module()
class LoadCheckedImage(LoadImageFromFile):
    """Loads an image as ``LoadImageFromFile`` does, and says which file is missing or broken.

    OpenCV fills the missing part of a truncated image with gray and carries on; here it is an
    error. Arguments are those of ``LoadImageFromFile``.

    Raises:
        JointError: When loading, if the image is missing, broken or truncated.
    """

    def transform(self, results: dict) -> dict:
        """Load ``img_path`` into ``img`` (H, W, 3), ``img_shape`` and ``ori_shape`` (H, W)."""
        path = results['img_path']
        with _remedy(results):
            data = read_bytes(path, 'image', self.backend_args)
            check_image(data, path, 'image')
        image = mmcv.imfrombytes(data, flag=self.color_type, backend=self.imdecode_backend)
        if image is None:
            raise JointError(f"the image '{path}' cannot be decoded: copy or download it again")
        if self.to_float32:
            image = image.astype(np.float32)
        results['img'] = image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results
