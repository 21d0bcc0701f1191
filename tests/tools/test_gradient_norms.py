from __future__ import annotations

from functools import partial

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_joint.engine.gradient_norms import gradient_norms
from tests.tiny_configs import ROOT, tiny
from tests.tools.loading import load_tool

TOOL = ROOT / 'tools/gradient_norms.py'


@pytest.fixture
def call(call, roots, tmp_path):
    """Runs the tool on a tiny HRS model."""
    cfg = tiny(ROOT / 'configs/hrs_fcn8s_gta_city.py', roots, tmp_path)
    cfg.dump(tmp_path / 'hrs.py')
    model = MODELS.build(cfg.model)
    model.init_weights()
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, tmp_path / 'one.pth')
    return partial(call, TOOL, tmp_path / 'hrs.py', tmp_path / 'one.pth', '--batches', 2)


def test_it_prints_every_loss_the_strongest_first(call):
    status, out, _ = call()
    assert status == 0
    lines = [line.split() for line in out.splitlines() if line.startswith('  ')]
    norms = {name: float(norm) for name, norm, _ in lines}
    assert {'source.decode.loss_ce', 'gan.loss_encoder', 'weighting.loss_source'} <= set(norms)
    assert list(norms.values()) == sorted(norms.values(), reverse=True)
    assert float(lines[0][2]) == 1 and norms['weighting.loss_source'] == 0
    assert norms['gan.loss_encoder'] > 0


def test_unknown_part_is_named(call):
    status, _, errors = call('--part', 'head')
    assert status == 2 and '--part head: the model has no such part' in errors


def test_a_file_without_named_weights_is_refused(call, tmp_path):
    torch.save([torch.ones(1)], tmp_path / 'one.pth')
    status, _, errors = call()
    assert status == 2 and 'one.pth holds no named parameters' in errors


@pytest.mark.parametrize(('begin', 'frozen'), [(3, True), (4, False)])
def test_frozen_norms_stay_frozen(monkeypatch, capsys, roots, tmp_path, begin, frozen):
    cfg = tiny(ROOT / 'configs/joint_resnet18_streets_cityscapes256.py', roots, tmp_path)
    cfg.custom_hooks = [dict(type='FreezeNormHook', begin=begin, priority='LOWEST')]
    cfg.model.decode_head.dropout_ratio = 0.0
    cfg.dump(tmp_path / 'joint.py')
    model = MODELS.build(cfg.model)
    model.init_weights()
    state = {'state_dict': model.state_dict(), 'meta': {'iter': 3}}
    torch.save(state, tmp_path / 'iter_3.pth')
    tool = load_tool('gradient_norms')
    arguments = [str(tmp_path / 'joint.py'), str(tmp_path / 'iter_3.pth'), '--batches', '1']
    monkeypatch.setattr('sys.argv', ['gradient_norms.py', *arguments])
    tool.main()
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    model.train()
    for module in model.modules():
        if frozen and isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    expected = gradient_norms(model, tool.first_batches(cfg, 1)[0], model.backbone)
    for name, norm, _ in lines:
        assert float(norm) == pytest.approx(expected[name], rel=1e-3)


def test_a_config_that_only_tests_is_refused(call, tmp_path):
    cfg = Config.fromfile(tmp_path / 'hrs.py')
    cfg.train_dataloader = None
    cfg.dump(tmp_path / 'hrs.py')
    status, _, errors = call()
    assert status == 2 and 'has no train_dataloader, which is needed' in errors


def test_what_concerns_workers_is_left_out_where_there_are_none(call, tmp_path):
    cfg = Config.fromfile(tmp_path / 'hrs.py')
    given = dict(prefetch_factor=4, multiprocessing_context='spawn', timeout=60)
    cfg.train_dataloader.update(num_workers=2, persistent_workers=True, **given)
    cfg.dump(tmp_path / 'hrs.py')
    status, out, _ = call()
    assert status == 0 and 'over 2 batches' in out
