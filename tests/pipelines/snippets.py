"""The config files that docs/joint_config.md tells a user to write, and tiny data for them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from mmengine.config import Config
from PIL import Image

from tests.conftest import scene
from tests.tiny_configs import ROOT, shrink

PAGE = (ROOT / 'docs' / 'joint_config.md').read_text(encoding='utf-8')
FILES = dict(re.findall(r'```python\n# (my_\w+\.py)\n(.*?)```', PAGE, re.S))
NAMES = ('rendered/{}', 'photos/{}/train', 'photos/{}/val')
HEIGHT, WIDTH = 60, 80

# What makes each model small. Last outputs of the backbones: 32, 32, 64, 16 and 32 channels.
RESNET = dict(depth=18, base_channels=4, stem_channels=4, init_cfg=None)
LAYER = dict(
    self_attn_cfg=dict(embed_dims=8, num_heads=2),
    ffn_cfg=dict(embed_dims=8, feedforward_channels=8),
)
CROSS = dict(LAYER, cross_attn_cfg=dict(embed_dims=8, num_heads=2))
NARROW = dict(
    my_segformer=dict(
        backbone=dict(embed_dims=4, num_layers=[1] * 4, num_heads=[1, 2, 4, 8], init_cfg=None),
        decode_head=dict(in_channels=[4, 8, 16, 32], channels=8),
    ),
    my_deeplabv3plus=dict(
        pretrained=None,
        backbone=RESNET,
        decode_head=dict(in_channels=32, channels=8, c1_in_channels=4, c1_channels=4),
        auxiliary_head=dict(in_channels=16, channels=4),
    ),
    my_upernet=dict(
        backbone=dict(embed_dims=8, depths=[1] * 4, num_heads=[1, 2, 4, 8], init_cfg=None),
        decode_head=dict(in_channels=[8, 16, 32, 64], channels=8),
        auxiliary_head=dict(in_channels=32, channels=4),
    ),
    my_ocrnet=dict(
        pretrained=None,
        backbone=dict(
            extra=dict(
                stage1=dict(num_blocks=(1,), num_channels=(4,)),
                stage2=dict(num_blocks=(1, 1), num_channels=(2, 4)),
                stage3=dict(num_modules=1, num_blocks=(1, 1, 1), num_channels=(2, 4, 8)),
                stage4=dict(num_modules=1, num_blocks=(1, 1, 1, 1), num_channels=(2, 4, 8, 16)),
            )
        ),
        decode_head={
            '0': dict(in_channels=[2, 4, 8, 16], channels=8),
            '1': dict(in_channels=[2, 4, 8, 16], channels=8, ocr_channels=4),
        },
    ),
    my_mask2former=dict(
        backbone=RESNET,
        decode_head=dict(
            in_channels=[4, 8, 16, 32],
            feat_channels=8,
            out_channels=8,
            num_queries=6,
            pixel_decoder=dict(
                norm_cfg=dict(num_groups=2),
                encoder=dict(num_layers=1, layer_cfg=LAYER),
                positional_encoding=dict(num_feats=4),
            ),
            positional_encoding=dict(num_feats=4),
            transformer_decoder=dict(num_layers=2, layer_cfg=CROSS),
            train_cfg=dict(num_points=64),
        ),
    ),
)
LAST = dict(my_segformer=32, my_deeplabv3plus=32, my_upernet=64, my_ocrnet=16, my_mask2former=32)
SMALL = dict(channels=(4, 4, 4, 4))


def write_files(folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding='utf-8')


def write_fields(data: Path, values=(0, 1, 2, 3, 255), save=Image.fromarray) -> None:
    """Images of four classes, three labeled sets and one without labels, where my_data.py says.

    Args:
        data: Folder of both data roots.
        values: What label files hold for the four classes, and for what is ignored.
        save: Makes an image of labels (H, W), to be saved as PNG.
    """
    for part, name in enumerate((*NAMES, 'photos/{}/unlabeled')):
        for i in range(3):
            pixels, labels = scene(9 * part + i, range(5), HEIGHT, WIDTH)
            image = data / name.format('images') / f'{i}.jpg'
            image.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(image)
            if name in NAMES:
                label = data / name.format('labels') / f'{i}.png'
                label.parent.mkdir(parents=True, exist_ok=True)
                save(np.array(values, dtype=np.uint8)[labels]).save(label)


def tiny_child(path: Path) -> Config:
    """One of the page's configs with narrow networks and small crops, for two iterations."""
    cfg = Config.fromfile(path)
    changes = {f'model.{key}': value for key, value in NARROW[path.stem].items()}
    cfg.merge_from_dict(changes, allow_list_keys=True)
    objectives = cfg.model.objectives
    objectives.sa.discriminator.update(in_channels=LAST[path.stem], channels=8)
    objectives.ga.discriminator = SMALL
    if objectives.weighting:
        objectives.weighting.network = SMALL
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        shrink(loader, {})
        loader.num_workers = 0
    cfg.model.data_preprocessor.size = (64, 48)
    for schedule in cfg.param_scheduler:
        if schedule.type == 'LinearLR':
            schedule.start_factor = 1.0  # or two iterations of warm-up move nothing
    cfg.train_cfg.update(max_iters=2, val_interval=2)
    cfg.work_dir = str(path.parent / 'work')
    cfg.log_level = 'WARNING'
    return cfg
