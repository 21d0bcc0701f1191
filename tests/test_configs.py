"""Every config of the project builds and trains, on tiny data and with narrow networks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmseg_joint.engine.launch import build_runner

ROOT = Path(__file__).parent.parent
CONFIGS = sorted((ROOT / 'configs').glob('*.py'))
SIZE = (64, 48)
NARROW = {
    'VGGEncoder': dict(channels=(4, 4, 6, 8, 8), fc_channels=8, fc_kernel=3, init_cfg=None),
    'SqueezeNet': dict(init_cfg=None),
    'WeightingNetwork': dict(channels=(4, 4, 4, 4)),
    'ReconstructionGenerator': dict(channels=(4, 4, 4, 4, 4, 4)),
    'PatchDiscriminator': dict(channels=(4, 4, 4, 4, 4, 4)),
}


@pytest.fixture
def roots(tmp_path, write_gta, write_cityscapes, write_camvid):
    write_gta(tmp_path / 'gta', height=60, width=80)
    for split in ('train', 'val'):
        write_cityscapes(tmp_path / 'city', split=split, height=60, width=80)
        write_camvid(tmp_path / 'camvid', split=split)
    return {
        'GTADataset': tmp_path / 'gta',
        'CityscapesIdsDataset': tmp_path / 'city',
        'CamVidDataset': tmp_path / 'camvid',
    }


def shrink(node, roots) -> None:
    """Narrow the networks, shorten the data and point it at tiny files, wherever they stand."""
    if isinstance(node, (list, tuple)):
        for item in node:
            shrink(item, roots)
    if not isinstance(node, dict):
        return
    kind = node.get('type')
    if isinstance(kind, str):
        node.update(NARROW.get(kind, {}))
        if kind in roots:
            node['data_root'] = str(roots[kind])
        if kind in ('Resize', 'RandomResize', 'RandomCrop'):
            node.update({key: SIZE for key in ('scale', 'crop_size') if key in node})
        if kind == 'LabelSubset':
            node.update(count=2, share=None, list_file=None)
    for value in list(node.values()):
        shrink(value, roots)


def tiny(path: Path, roots, work_dir: Path) -> Config:
    cfg = Config.fromfile(path)
    for key in ('model', 'train_dataloader', 'val_dataloader', 'test_dataloader'):
        shrink(cfg[key], roots)
    if cfg.model.backbone.type == 'VGGEncoder':
        cfg.model.decode_head.update(in_channels=[3, 6, 8, 8], channels=8)
    objectives = cfg.model.get('objectives') or {}
    if objectives.get('weighting'):
        objectives.weighting.setdefault('network', {}).update(channels=(4, 4, 4, 4))
    if objectives.get('gan'):
        narrow = 8 if cfg.model.backbone.type == 'VGGEncoder' else 512
        objectives.gan.generator.update(in_channels=narrow, channels=(4, 4, 4, 4, 4, 4))
        objectives.gan.discriminator.update(channels=(4, 4, 4, 4, 4, 4))
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    cfg.train_cfg.update(max_iters=2, val_interval=2)
    cfg.work_dir = str(work_dir)
    cfg.log_level = 'WARNING'
    return cfg


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_trains_and_decays_to_its_last_learning_rate(path, roots, tmp_path):
    cfg = tiny(path, roots, tmp_path / 'work')
    (schedule,) = cfg.param_scheduler
    runner = build_runner(cfg)
    before = {name: value.clone() for name, value in runner.model.state_dict().items()}
    runner.train()
    assert runner.iter == 2
    for name, network in runner.optim_wrapper.items():
        # `end` follows max_iters, so the last step's rate is the schedule's end
        assert network.param_groups[0]['lr'] == schedule['eta_min'], name
    parameters = dict(runner.model.named_parameters())
    frozen = [name for name, value in parameters.items() if torch.equal(value, before[name])]
    dead = [name for name in frozen if parameters[name].grad is None and 'conv' in name]
    assert len(frozen) < len(parameters) / 2, f'not trained: {frozen[:5]} {dead[:5]}'
    assert 'val/mIoU' in runner.message_hub.log_scalars
    for objective in cfg.model.get('objectives') or {}:
        logged = [key for key in runner.message_hub.log_scalars if f'train/{objective}.' in key]
        assert logged, f'{objective} logs nothing'


def test_basenames_are_unique():
    """`mim` finds a config by its basename."""
    names = [path.name for path in (ROOT / 'configs').rglob('*.py')]
    assert len(names) == len(set(names))
