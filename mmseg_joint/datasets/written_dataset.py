from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmseg.registry import DATASETS

from mmseg_joint.datasets.label_maps import IGNORE
from mmseg_joint.datasets.raw_label_dataset import RawLabelDataset
from mmseg_joint.errors import JointError

MANIFEST, IMAGE_LIST, LABELS = 'dataset.json', 'images.txt', 'labels'


@DATASETS.register_module()
class WrittenDataset(RawLabelDataset):
    """A labeled dataset written by ``tools/pseudo_labels.py`` or ``tools/translate.py``.

    Its folder holds ``dataset.json`` with the classes, colors and image folder, ``images.txt`` with
    the list of images, and ``labels/*.png`` with class indices and 255. If a network with
    Cityscapes' 19 classes wrote it, ``protocol`` maps its labels to other classes.

    Args:
        data_root: The folder.
        img_path: Folder of the images; None takes that of ``dataset.json``.
        **kwargs: The other arguments of :class:`RawLabelDataset`.

    Raises:
        JointError: When the folder is not complete.
    """

    def __init__(self, data_root: str, img_path: str | None = None, **kwargs: Any) -> None:
        path = Path(data_root, MANIFEST)
        try:
            manifest = json.loads(path.read_text(encoding='utf-8'))
        except (OSError, ValueError) as error:
            raise JointError(
                f"WrittenDataset finds no readable '{path}': correct data_root, or run the tool "
                'that writes it (tools/pseudo_labels.py, tools/translate.py) to its end.'
            ) from error
        # class attributes of other subclasses; here they come from the folder
        self.METAINFO = {key: manifest[key] for key in ('classes', 'palette')}  # type: ignore[misc]
        self.METAINFO['classes'] = tuple(manifest['classes'])
        indices = range(len(manifest['classes']))
        self.RAW_IDS = {**{i: i for i in indices}, IGNORE: IGNORE}  # type: ignore[misc]
        images = Path(img_path or Path(data_root, manifest['images'])).absolute()
        super().__init__(
            data_root=data_root,
            data_prefix=dict(img_path=str(images), seg_map_path=LABELS),
            img_suffix=manifest['img_suffix'],
            ann_file=IMAGE_LIST,
            **kwargs,
        )
