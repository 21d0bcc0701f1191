"""The project's configs with narrow networks, few iterations and tiny data."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config, ConfigDict

ROOT = Path(__file__).parent.parent
SIZE = (64, 48)
NARROW = {
    'VGGEncoder': dict(channels=(4, 4, 6, 8, 8), fc_channels=8, fc_kernel=3, init_cfg=None),
    'SqueezeNet': dict(init_cfg=None),
    'TimmBackbone': dict(init_cfg=None),
    'ResNetV1c': dict(base_channels=4, stem_channels=4),
    'DeepLabResNet': dict(
        depth=18, base_channels=4, stem_channels=4, zero_init_residual=False, init_cfg=None
    ),
    'MixVisionTransformer': dict(
        embed_dims=4,
        num_layers=[1] * 4,
        num_heads=[1] * 4,
        strides=[4, 2, 1, 1],
        init_cfg=None,
    ),
    'FastSegformerHead': dict(in_channels=[4] * 4, channels=8),
    'SegformerHead': dict(in_channels=[4] * 4, channels=8),
    'WeightingNetwork': dict(channels=(4, 4, 4, 4)),
    'ReconstructionGenerator': dict(channels=(4, 4, 4, 4, 4, 4)),
    'OutputAdversarial': dict(discriminator=dict(channels=(4, 4, 4, 4))),
    'PatchDiscriminator': dict(channels=(4, 4, 4, 4, 4, 4)),
}


def needs_timm(path: Path) -> bool:
    named = path.stem + path.read_text(encoding='utf-8')  # its bases name the network, too
    return any(word in named for word in ('efficientnet', 'dinov'))


def shrink(node, roots) -> None:
    """Narrow all networks, shorten all data and point it at tiny files, at any depth."""
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
        if kind in ('Resize', 'RandomResize') and 'scale' in node:
            node.update(scale=SIZE)
        if kind == 'Pad':
            node.update(size=SIZE)
        if kind == 'RandomResize':
            node.update(ratio_range=(1.0, 1.5))  # a crop fits
        if kind == 'RandomCrop':
            node.update(crop_size=SIZE[::-1])
        if kind == 'LabelSubset':
            # a subset of the few images, the others held out
            within = node['dataset'].get('type') == kind
            node.update(count=1 if within else 2, fraction=None, list_file=None)
    for value in list(node.values()):
        shrink(value, roots)


def tiny(path: Path, roots, work_dir: Path) -> Config:
    cfg = Config.fromfile(path)
    if cfg.model.decode_head.get('num_classes') == 11 and 'WrittenDataset11' in roots:
        roots = {**roots, 'WrittenDataset': roots['WrittenDataset11']}
    for key in ('model', 'train_dataloader', 'val_dataloader', 'test_dataloader'):
        shrink(cfg[key], roots)
    if cfg.model.backbone.type == 'VGGEncoder':
        cfg.model.decode_head.update(in_channels=[3, 6, 8, 8])
        if cfg.model.backbone.get('legacy_padding'):
            cfg.model.backbone.fc_kernel = 7  # it belongs to the padding by 100
    if cfg.model.backbone.type == 'ResNetV1c':
        cfg.model.decode_head.update(in_channels=[4, 8, 16, 32])
    if cfg.model.backbone.type == 'TimmBackbone':
        widths = [24, 40, 112, 320]
        if 'dino' in cfg.model.backbone.model_name:
            widths = [16] * 4
            cfg.model.backbone.update(depth=4, embed_dim=16, num_heads=2, out_indices=(0, 1, 2, 3))
            cfg.model.neck.update(embed_dim=16)
        cfg.model.decode_head.update(in_channels=widths)
    if cfg.model.backbone.type == 'DeepLabResNet':
        cfg.model.decode_head.update(in_channels=32)
        if cfg.model.get('auxiliary_head'):
            cfg.model.auxiliary_head.update(in_channels=16)
    objectives = cfg.model.get('objectives') or {}
    last = {'DeepLabResNet': 32, 'MixVisionTransformer': 4, 'SqueezeNet': 512, 'TimmBackbone': 320}
    if objectives.get('sa'):
        objectives.sa.discriminator.update(in_channels=last[cfg.model.backbone.type], channels=8)
    if objectives.get('weighting'):
        objectives.weighting.setdefault('network', ConfigDict()).update(channels=(4, 4, 4, 4))
    if objectives.get('gan') and objectives.gan.type == 'ReconstructionGAN':
        narrow = {'VGGEncoder': 8, 'TimmBackbone': 320}.get(cfg.model.backbone.type, 512)
        objectives.gan.generator.update(in_channels=narrow, channels=(4, 4, 4, 4, 4, 4))
        objectives.gan.discriminator.update(channels=(4, 4, 4, 4, 4, 4))
    for name, kind, narrow in (
        ('lsd', 'LearningFromSyntheticData', dict(channels=4, num_blocks=1)),
        ('gan', 'CrossDomainGAN', dict(channels=(4, 4, 4))),
    ):
        own = objectives.get(name)
        if own and own.type == kind:
            levels = 5 if cfg.model.backbone.type == 'VGGEncoder' else 4
            own.setdefault('generator', ConfigDict()).channels = (4,) * levels
            own.setdefault('discriminator', ConfigDict()).update(narrow)
            if cfg.model.backbone.type == 'VGGEncoder':
                own.generator.in_channels = (6, 8, 8)
    if objectives.get('pixelda'):
        objectives.pixelda.setdefault('generator', ConfigDict()).update(channels=4, num_blocks=1)
        objectives.pixelda.setdefault('discriminator', ConfigDict()).update(channels=(4, 4, 4, 4))
    if objectives.get('semi'):
        objectives.semi.setdefault('discriminator', ConfigDict()).update(channels=(4, 4, 4, 4))
    if objectives.get('spatial'):
        narrow = 8 if cfg.model.backbone.type == 'VGGEncoder' else 512
        objectives.spatial.update(in_channels=narrow, grid=(1, 2), classifier=dict(channels=(4, 4)))
    if objectives.get('translation'):
        objectives.translation.generator = dict(channels=(4, 4, 4), num_blocks=1)
        objectives.translation.discriminator = dict(channels=(4, 4, 4, 4))
        objectives.translation.update(pool_size=2, pool_image_size=SIZE[::-1])
    if objectives.get('teacher'):
        objectives.teacher.update(start=1)  # labels the second of the two iterations
    for rare in (cfg.train_dataloader.dataset.get('rare_classes') or {}).values():
        rare.update(min_pixels=1)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    cfg.train_cfg.update(max_iters=2, val_interval=2)
    if (
        isinstance(cfg.param_scheduler, list) and len(cfg.param_scheduler) == 2
    ):  # starts with a warm-up
        warm_up, decay = cfg.param_scheduler
        warm_up.update(end=1, start_factor=1.0)
        decay.begin = 0
    # weight decay would move weights that get no gradient
    trained = cfg.optim_wrapper.segmentor
    if trained and 'weight_decay' in trained.optimizer:
        cfg.optim_wrapper.segmentor.optimizer.weight_decay = 0.0
    cfg.work_dir = str(work_dir)
    cfg.log_level = 'WARNING'
    return cfg
