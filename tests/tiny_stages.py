"""A tiny config in two stages: source only, then HRS on both domains."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config

from tests.tiny_configs import ROOT, tiny

STEPS = 3
STAGES = [
    dict(
        name='source',
        model=dict(objectives=dict(weighting=None, gan=None)),
        optim_wrapper=dict(weighting=None, gan=None),
        train_dataloader=dict(batch_size=2, sampler=dict(samples_per_domain=dict(target=0))),
    ),
    dict(name='adapt'),
]


def tiny_stages(roots, work_dir: Path, name: str = 'tiny_stages') -> Config:
    """Write the config to a file of that name, and read it as the tools do."""
    cfg = tiny(ROOT / 'configs/hrs_fcn8s_streets.py', roots, work_dir)
    cfg.model.backbone.dropout_ratio = 0.5
    cfg.train_cfg.update(max_iters=STEPS, val_interval=2)
    cfg.default_hooks.checkpoint.update(interval=1, max_keep_ckpts=9)
    cfg.custom_imports.imports.append('tests.tools.stopping')
    cfg.stages = STAGES
    path = Path(work_dir).parent / f'{name}.py'
    cfg.dump(path)
    return Config.fromfile(path)
