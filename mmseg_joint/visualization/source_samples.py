from __future__ import annotations

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_joint.datasets import SampleRequest
from mmseg_joint.engine.config_file import config_value

from .figures import choose_images

SOURCE = 'train_dataloader.dataset.domains.source'


def source_samples(cfg: Config, count: int, seed: int) -> tuple[list[dict], list[str]]:
    """Load source images exactly as training would: augmented, but a function of the seed.

    Returns:
        Packed samples, and the names of the classes.

    Raises:
        JointError: When the config has no source.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    config = {'type': 'JointDataset', 'domains': {'source': config_value(cfg, SOURCE)}}
    dataset = DATASETS.build(config)
    chosen = choose_images(len(dataset), count, seed)
    draws = [SampleRequest('source', index, i, 0, 1, seed) for i, index in enumerate(chosen)]
    return [dataset[draw] for draw in draws], list(dataset.metainfo['classes'])
