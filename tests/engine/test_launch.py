from __future__ import annotations

import copy
import logging
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config

from mmseg_joint.engine.launch import (
    build_runner,
    compile_networks,
    pin_memory,
    ready_runner,
    use_mixed_precision,
)
from mmseg_joint.errors import JointError
from tests.tiny import batch, build
from tests.tiny_configs import ROOT, tiny


@pytest.fixture
def runner_in(roots, tmp_path, monkeypatch):
    """Build the runner of one config in a folder, always at the same moment."""
    monkeypatch.setattr(time, 'time', lambda: 1.8e9)

    def build(folder):
        return build_runner(tiny(ROOT / 'configs/joint_fcn8s_streets.py', roots, tmp_path / folder))

    return build


def test_two_runs_started_in_the_same_second_share_nothing(runner_in):
    first, second = runner_in('first'), runner_in('second')
    assert first.timestamp == second.timestamp
    assert first.experiment_name != second.experiment_name
    for runner in (first, second):
        runner.logger.warning(f'from {Path(runner.work_dir).name}')
    for runner in (first, second):
        (log,) = Path(runner.work_dir).glob('*/*.log')
        lines = log.read_text(encoding='utf-8').splitlines()
        assert [line.split()[-1] for line in lines if ' from ' in line] == [log.parts[-3]]
    first.message_hub.update_info('best_score', 1.0)
    assert 'best_score' not in second.message_hub.runtime_info
    assert first.visualizer is not second.visualizer
    first.visualizer.add_scalar('mIoU', 1.0)
    assert list(Path(first.work_dir).glob('*/vis_data/scalars.json'))
    assert not list(Path(second.work_dir).glob('*/vis_data/scalars.json'))


def test_one_config_built_again_and_again(runner_in):
    cfg = runner_in('first').cfg
    names = {build_runner(cfg.copy()).experiment_name, build_runner(cfg).experiment_name}
    assert len({*names, build_runner(cfg).experiment_name}) == 3


def test_a_ready_runner_warns_of_what_is_unwise(roots, tmp_path):
    cfg = tiny(ROOT / 'configs/joint_fcn8s_streets.py', roots, tmp_path)
    cfg.param_scheduler = [dict(type='PolyLR', end=1, by_epoch=False)]
    runner = ready_runner(cfg.copy(), 'train')
    (log,) = tmp_path.glob('*/*.log')
    assert 'ends at iteration 1 and leaves the learning rate at 0' in log.read_text(
        encoding='utf-8'
    )
    assert len(runner.train_loop.dataloader.dataset.domains) == 2


def test_deterministic_algorithms_are_used_where_there_are_some(roots, tmp_path, monkeypatch):
    monkeypatch.delenv('CUBLAS_WORKSPACE_CONFIG', raising=False)
    cfg = tiny(ROOT / 'configs/joint_fcn8s_streets.py', roots, tmp_path)
    cfg.randomness = dict(seed=0, deterministic=True)
    try:
        build_runner(cfg)
        assert torch.is_deterministic_algorithms_warn_only_enabled()
        assert os.environ['CUBLAS_WORKSPACE_CONFIG'] == ':4096:8'
    finally:
        torch.use_deterministic_algorithms(False)
        torch.backends.cudnn.deterministic = False


@pytest.mark.parametrize(
    ('gpu', 'supported', 'dtype'),
    [(False, False, 'bfloat16'), (True, True, 'bfloat16'), (True, False, 'float16')],
)
def test_amp_takes_bfloat16_unless_the_gpu_has_none(gpu, supported, dtype, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpu)
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda including_emulation: supported)
    cfg = Config(dict(optim_wrapper=dict(constructor='JointOptimWrapperConstructor')))
    for cfg.optim_wrapper.dtype in (None, 'float32'):
        use_mixed_precision(cfg)
        assert cfg.optim_wrapper.dtype == dtype
    cfg.optim_wrapper.dtype = 'float16'
    use_mixed_precision(cfg)
    assert cfg.optim_wrapper.dtype == 'float16'


def test_amp_of_an_ordinary_wrapper_is_mmengines():
    cfg = Config(dict(optim_wrapper=dict(type='OptimWrapper')))
    use_mixed_precision(cfg)
    assert cfg.optim_wrapper == dict(type='AmpOptimWrapper', loss_scale='dynamic')
    cfg.optim_wrapper.loss_scale = 512.0
    use_mixed_precision(cfg)
    assert cfg.optim_wrapper == dict(type='AmpOptimWrapper', loss_scale=512.0)
    cfg.optim_wrapper.type = 'ApexOptimWrapper'
    with pytest.raises(JointError, match=r'--amp does not go with .*"ApexOptimWrapper"'):
        use_mixed_precision(cfg)


def test_a_gpu_is_fed_from_pinned_memory(monkeypatch):
    own = dict(pin_memory=False)
    for there, given, expected in [(True, {}, True), (True, own, False), (False, {}, None)]:
        monkeypatch.setattr(torch.cuda, 'is_available', lambda there=there: there)
        loader = dict(batch_size=2, **given)
        pin_memory(loader)
        assert loader.get('pin_memory') is expected


def test_compile_covers_backbone_and_neck_and_changes_no_name():
    model, plain = build(), build()
    names = list(model.state_dict())
    cfg = Config(dict(compile=dict(backend='eager')))
    compile_networks(SimpleNamespace(cfg=cfg, model=model, logger=logging.getLogger('test')))
    assert cfg.compile is False  # mmengine would compile the whole step
    assert list(model.state_dict()) == names
    data = batch()
    losses = [
        net.loss(**net.data_preprocessor(copy.deepcopy(data), True)) for net in (model, plain)
    ]
    assert losses[0].keys() == losses[1].keys()
    for name, value in losses[0].items():
        torch.testing.assert_close(value, losses[1][name], rtol=1e-5, atol=1e-6)


def test_only_training_is_compiled():
    """Otherwise a first validation would compile other sizes, without gradients, for minutes."""
    graphs = []
    cfg = Config(dict(compile=dict(backend='eager')))
    cfg.compile.backend = lambda graph, inputs: graphs.append(graph) or graph.forward
    model = build()
    compile_networks(SimpleNamespace(cfg=cfg, model=model, logger=logging.getLogger('test')))
    images = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        expected = model.eval().backbone(images)
    assert not graphs
    model.train().backbone(images)
    assert graphs
    copied = copy.deepcopy(model).eval()
    torch.testing.assert_close(copied.backbone(images)[-1], model.eval().backbone(images)[-1])
    assert expected[-1].shape == copied.backbone(images)[-1].shape
