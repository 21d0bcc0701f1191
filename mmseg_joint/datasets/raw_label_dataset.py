from __future__ import annotations

import os.path as osp
from collections import Counter
from typing import Any, ClassVar

import mmengine.fileio as fileio
from mmseg.datasets import BaseSegDataset

from mmseg_joint.datasets.label_maps import (
    CITYSCAPES_CLASSES,
    CITYSCAPES_PALETTE,
    CLASS_MAPPINGS,
    IGNORE,
)
from mmseg_joint.datasets.prepared.reading import PreparedCopy
from mmseg_joint.errors import JointError
from mmseg_joint.utils.renamed import renamed_arguments


@renamed_arguments(labelled='labeled')
class RawLabelDataset(BaseSegDataset):
    """Base of datasets whose label files hold raw ids, mapped to train ids at load time.

    A subclass is a few lines of data: its class set, its map, its folders. The map from a label
    file's values to what the network predicts is composed of up to three parts: the dataset's own
    raw → train ids, the ``protocol``, and mmseg's ``metainfo=dict(classes=...)`` subset. It is in
    every sample's ``label_map``, so mmseg's plain ``LoadAnnotations`` works too.

    Folders and files are checked when the dataset is built, with one listing of each folder.

    Args:
        protocol: Read Cityscapes' 19 classes as another class set, a key of
            :data:`~mmseg_joint.datasets.label_maps.CLASS_MAPPINGS`: ``'camvid'`` merges them into
            CamVid's 11. None keeps the dataset's own.
        labeled: Whether to load labels; :class:`~mmseg_joint.datasets.Unlabeled` sets it to False.
        img_suffix: Suffix of the image names.
        seg_map_suffix: Suffix of the label names; the rest of the name is the image's.
        data_prefix: ``img_path`` and ``seg_map_path``, relative to ``data_root``.
        metainfo: As in mmseg; ``classes`` may be a subset; the other classes are then ignored.
        prepared: Folder of a copy written by ``tools/prepare_dataset.py``, to read in place of
            ``data_root``, which then need not exist (``ann_file`` is still looked up there).
        **kwargs: The other arguments of mmseg's ``BaseSegDataset``. ``ann_file``, if given, lists
            the image names to use, one per line, with or without suffix.

    Raises:
        JointError: When a folder is missing or empty, an image has no label, a name is unknown, or
            the pipeline does not resize as ``prepared`` was resized.
    """

    METAINFO: ClassVar[dict] = {'classes': CITYSCAPES_CLASSES, 'palette': CITYSCAPES_PALETTE}
    RAW_IDS: ClassVar[dict[int, int]]
    PREFIX: ClassVar[dict[str, str]]
    IMG_SUFFIX: ClassVar[str] = '.png'
    SEG_MAP_SUFFIX: ClassVar[str] = '.png'
    SIZE_TOLERANCE: ClassVar[int] = 0
    HINT: ClassVar[str] = ''

    def __init__(
        self,
        protocol: str | None = None,
        labeled: bool = True,
        img_suffix: str | None = None,
        seg_map_suffix: str | None = None,
        data_prefix: dict | None = None,
        metainfo: dict | None = None,
        prepared: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.protocol = protocol
        self.labeled = labeled
        classes, palette, self._to_protocol = self._protocol_parts()
        data_prefix = dict(self.PREFIX if data_prefix is None else data_prefix)
        if not labeled:
            data_prefix.pop('seg_map_path', None)
        img_suffix = self.IMG_SUFFIX if img_suffix is None else img_suffix
        seg_map_suffix = self.SEG_MAP_SUFFIX if seg_map_suffix is None else seg_map_suffix
        self.original_suffix = img_suffix  # of the names in lists; a copy's images are PNGs
        self.prepared: PreparedCopy | None = None
        if prepared is not None:
            kind = type(self).__name__
            self.prepared = PreparedCopy(prepared, kind, data_prefix, img_suffix, seg_map_suffix)
            data_prefix = self.prepared.prefix
            img_suffix, seg_map_suffix = self.prepared.suffixes
        metainfo = {'classes': classes, 'palette': palette, **(metainfo or {})}
        if isinstance(metainfo['classes'], list):
            metainfo['classes'] = tuple(metainfo['classes'])  # like mmseg's own, to compare equal
        super().__init__(
            img_suffix=img_suffix,
            seg_map_suffix=seg_map_suffix,
            data_prefix=data_prefix,
            metainfo=metainfo,
            **kwargs,
        )

    @property
    def name(self) -> str:
        """The dataset's name in messages: its type in the config."""
        return type(self).__name__

    def _protocol_parts(self) -> tuple[tuple[str, ...], list, dict[int, int]]:
        own = self.METAINFO['classes']
        if self.protocol is None:
            return own, self.METAINFO['palette'], {i: i for i in range(len(own))}
        if self.protocol not in CLASS_MAPPINGS or own != CITYSCAPES_CLASSES:
            known = sorted(CLASS_MAPPINGS) if own == CITYSCAPES_CLASSES else 'None only'
            raise JointError(
                f'{self.name} cannot be read with protocol={self.protocol!r}: choose one of {known}'
            )
        return CLASS_MAPPINGS[self.protocol]

    def get_label_map(self, new_classes: list | tuple | None = None) -> dict[int, int] | None:
        """Map the protocol's class indices to those of the config's own ``metainfo.classes``.

        mmseg has a class method here, but the protocol belongs to the instance.

        Returns:
            Old index → new index or 255; None if nothing changes, as in mmseg.

        Raises:
            JointError: When a class is unknown.
        """
        old, new = list(self._protocol_parts()[0]), list(new_classes or ())
        if new_classes is None or new == old:
            return None
        unknown = [name for name in new if name not in old]
        if unknown:
            raise JointError(
                f'metainfo.classes of {self.name} names {unknown}, which are not among its '
                f'classes {old}'
            )
        return {i: new.index(name) if name in new else IGNORE for i, name in enumerate(old)}

    @property
    def raw_label_map(self) -> dict[int, int]:
        """The complete map from a label file's values to the network's class indices, or 255."""
        raw_ids = self.RAW_IDS
        if self.prepared:  # its labels hold the dataset's own train ids
            raw_ids = {i: i for i in (*range(len(self.METAINFO['classes'])), IGNORE)}
        protocol = {**self._to_protocol, IGNORE: IGNORE}
        subset = self.label_map or {i: i for i in range(len(self._metainfo['classes']))}
        subset = {**subset, IGNORE: IGNORE}
        return {raw: subset[protocol[train]] for raw, train in raw_ids.items()}

    def full_init(self) -> None:
        """List the files and compose the map, once."""
        if not self._fully_initialized:
            self._label_info = {
                'label_map': self.raw_label_map,
                'size_tolerance': self.SIZE_TOLERANCE,
                'dataset_name': self.name,
                'label_hint': self.HINT,
            }
            if self.prepared:
                self._label_info.update(size_tolerance=0, prepared=True)
                self.prepared.check_pipeline(self)
        super().full_init()

    def get_data_info(self, idx: int) -> dict:
        """Return the pipeline's input: the sample's own entries and those common to all samples."""
        return {**super().get_data_info(idx), **self._label_info}

    def load_data_list(self) -> list[dict]:
        """List the images and, unless ``labeled=False``, their labels."""
        names = self._image_names()
        img_dir, seg_dir = self.data_prefix['img_path'], self.data_prefix.get('seg_map_path')
        if self.labeled:
            self._check_labels(names)
        data_list = []
        for name in names:
            info = {'reduce_zero_label': self.reduce_zero_label, 'seg_fields': []}
            info['img_path'] = osp.join(img_dir, name + self.img_suffix)
            if seg_dir is not None:
                info['seg_map_path'] = osp.join(seg_dir, name + self.seg_map_suffix)
            data_list.append(info)
        return data_list

    def _list_folder(self, key: str) -> list[str]:
        folder = self.data_prefix.get(key)
        if not folder or not fileio.isdir(folder, backend_args=self.backend_args):
            raise JointError(
                f"{self.name} finds no folder '{folder}': correct data_root (now "
                f"'{self.data_root}') or data_prefix.{key}"
            )
        options = {'list_dir': False, 'recursive': True, 'backend_args': self.backend_args}
        return list(fileio.list_dir_or_file(folder, **options))

    def _image_names(self) -> list[str]:
        """Return the images' names without suffix, sorted by path."""
        files = self._list_folder('img_path')
        suffix = self.img_suffix
        names = sorted(f.removesuffix(suffix) for f in files if f.endswith(suffix))
        folder = self.data_prefix['img_path']
        if not names:
            ends = Counter(osp.splitext(f)[1] for f in files)
            found = f'it holds {dict(ends)}, so set img_suffix' if ends else 'it is empty'
            raise JointError(
                f"{self.name} finds no '*{suffix}' image in '{folder}' ({found}): correct "
                'data_root, data_prefix.img_path or img_suffix'
            )
        if self.prepared:
            self.prepared.check_count(len(names))
        return self._listed_names(set(names)) if self.ann_file else names

    def _listed_names(self, there: set[str]) -> list[str]:
        if not fileio.isfile(self.ann_file, backend_args=self.backend_args):
            raise JointError(
                f"{self.name} finds no list of images '{self.ann_file}': correct ann_file"
            )
        text = fileio.get_text(self.ann_file, backend_args=self.backend_args)
        names = [line.strip() for line in text.splitlines() if line.strip()]
        for suffix in {self.img_suffix, self.original_suffix}:
            names = [name.removesuffix(suffix) for name in names]
        missing = [n for n in names if n not in there]
        if missing or not names:
            what = f'{len(missing)} images that are not there, first {missing[:3]}'
            raise JointError(
                f"ann_file '{self.ann_file}' of {self.name} names {what if names else 'none'}: "
                f"correct the list or data_prefix.img_path ('{self.data_prefix['img_path']}')"
            )
        return names

    def _check_labels(self, names: list[str]) -> None:
        suffix = self.seg_map_suffix
        files = self._list_folder('seg_map_path')
        there = {f.removesuffix(suffix) for f in files if f.endswith(suffix)}
        missing = [name for name in names if name not in there]
        if missing:
            first = [name + suffix for name in missing[:3]]
            raise JointError(
                f'{len(missing)} of {len(names)} images of {self.name} have no label in '
                f"'{self.data_prefix['seg_map_path']}', first missing: {first}; correct data_root "
                f'and data_prefix.seg_map_path, or list the labeled images in ann_file'
                + (f' ({self.HINT})' if self.HINT else '')
            )
