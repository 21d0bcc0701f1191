from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS, TRANSFORMS

from mmseg_joint.datasets.configured import domain_config
from mmseg_joint.datasets.unlabeled import without_labels
from mmseg_joint.engine.config_file import config_value
from mmseg_joint.errors import JointError
from mmseg_joint.utils.walk import class_of, datasets_in

TEST = 'test_dataloader.dataset'


def images_of_domain(cfg: Config, domain: str) -> Any:
    """Build the dataset of all images of a domain, without labels, loaded like the test images.

    Wrappers around its dataset, such as a subset, are left out.

    Raises:
        JointError: When there is no such domain, or it is several datasets.
    """
    key, found = domain_config(cfg, domain)
    steps = _test_dataset(cfg)['pipeline']
    built = DATASETS.build(without_labels({**found, 'pipeline': steps}))
    if not hasattr(built, 'img_suffix') or not built.data_prefix.get('img_path'):
        raise JointError(f'{key} is no dataset of image files: name a folder with --images.')
    if not built.metainfo.get('classes'):  # which unlabeled images need not have
        named = {**found, 'pipeline': steps, 'metainfo': _test_metainfo(cfg)}
        return DATASETS.build(without_labels(named))
    return built


def labeled_images_of_domain(cfg: Config, domain: str) -> Any:
    """Build the dataset of all images and labels of a domain, at the size they are resized to.

    Wrappers around its dataset are left out, including `Unlabeled`, and its pipeline is reduced to
    loading, the first `Resize` and packing.

    Raises:
        JointError: When there is no such domain, or it is several datasets.
    """
    key = f'train_dataloader.dataset.domains.{domain}'
    several = [places[-1][1] for places in datasets_in(config_value(cfg, key), key)]
    found = several[0] if len(several) == 1 else {}
    if 'pipeline' not in found:
        raise JointError(f'{key} is no single dataset with a pipeline: name another --domain.')
    named = [(getattr(class_of(x, TRANSFORMS), '__name__', ''), x) for x in found['pipeline']]
    resizes = [step for name, step in named if name == 'Resize'][:1]
    steps = [step for name, step in named if name.startswith('Load')]
    return DATASETS.build({**found, 'pipeline': [*steps, *resizes, {'type': 'PackSegInputs'}]})


def images_of_folder(cfg: Config, folder: Path, suffix: str) -> BaseSegDataset:
    """Build the dataset of all images below a folder with a suffix, loaded like the test images.

    Raises:
        JointError: When there is no such image.
    """
    if not folder.is_dir():
        raise JointError(f'--images {folder} is no folder: correct it.')
    found = BaseSegDataset(
        img_suffix=suffix,
        metainfo=_test_metainfo(cfg),
        data_prefix={'img_path': str(folder)},
        pipeline=without_labels(_test_dataset(cfg))['pipeline'],
        serialize_data=False,  # mmengine cannot serialize an empty list
    )
    if not len(found):
        raise JointError(
            f'--images {folder} holds no file that ends in "{suffix}": correct the folder or '
            '--suffix.'
        )
    return found


def _test_dataset(cfg: Config) -> dict[str, Any]:
    """Return the config of the test dataset, or of the first one inside its wrappers."""
    return next(datasets_in(config_value(cfg, TEST), TEST))[-1][1]


def _test_metainfo(cfg: Config) -> dict[str, Any]:
    test = without_labels(_test_dataset(cfg))
    metainfo = DATASETS.build({**test, 'lazy_init': True}).metainfo
    return {key: metainfo[key] for key in ('classes', 'palette')}
