"""Every config of the project builds and trains, on tiny data and with narrow networks."""

from __future__ import annotations

import pytest
import torch

from mmseg_joint.engine.launch import build_runner
from tests.tiny_configs import ROOT, needs_timm, tiny

CONFIGS = [
    pytest.param(path, marks=pytest.mark.timm) if needs_timm(path) else path
    for path in sorted((ROOT / 'configs').glob('*.py'))
]


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_trains_and_decays_to_its_last_learning_rate(path, roots, tmp_path):
    cfg = tiny(path, roots, tmp_path / 'work')
    runner = build_runner(cfg)
    before = {name: value.clone() for name, value in runner.model.state_dict().items()}
    runner.train()
    assert runner.iter == 2
    names = {id(value): name for name, value in runner.model.named_parameters()}
    for network, wrapper in runner.optim_wrapper.items():
        given = cfg.param_scheduler
        schedule = (given if isinstance(given, list) else given[network])[-1]
        # without `end` the schedule ends at max_iters; with it, training stops before that. Steps
        # are too far apart for a test
        left = 1 - 2 / schedule.get('end', 2) if 'power' in schedule else 1.0
        for group in wrapper.optimizer.param_groups:
            wanted = group['initial_lr'] * left ** schedule.get('power', 1)
            assert group['lr'] == pytest.approx(wanted, rel=1e-9, abs=0), network
        held = [value for group in wrapper.optimizer.param_groups for value in group['params']]
        trained = [
            not torch.equal(value, before[names[id(value)]])
            for value in held
            if value.requires_grad
        ]
        assert sum(trained) > len(trained) / 2, f'{network} was not trained'
    assert 'val/mIoU' in runner.message_hub.log_scalars
    for objective in cfg.model.get('objectives') or {}:
        logged = [key for key in runner.message_hub.log_scalars if f'train/{objective}.' in key]
        assert logged, f'{objective} logs nothing'


def test_basenames_are_unique():
    """`mim` finds a config by its basename."""
    names = [path.name for path in (ROOT / 'configs').rglob('*.py')]
    assert len(names) == len(set(names))
