"""Recomputed running averages, for any mmseg checkpoint."""

from __future__ import annotations

import copy

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from torch import nn

from mmseg_joint.engine import recompute_norm as recompute_norm_module
from mmseg_joint.engine.recompute_norm import recompute_norm, recompute_norm_of, target_loader
from mmseg_joint.errors import JointError
from tests.models.segmentors.test_norm_statistics import LIVE, buffers, live, plain_twin
from tests.tiny import batch, build
from tests.tiny_configs import ROOT, tiny

TEST = ROOT / 'tools/test.py'


def batches(count: int) -> list[dict]:
    return [batch(seed=seed, domains=('target',), count=2) for seed in range(count)]


@pytest.mark.parametrize('make', [live, plain_twin], ids=['joint', 'plain mmseg'])
def test_each_norm_has_the_mean_over_the_batches(make):
    model = make().eval()
    weights = copy.deepcopy(model.state_dict())
    norm = model.backbone.bn1
    seen = []
    for data in batches(3):
        images = model.data_preprocessor(copy.deepcopy(data), training=True)['inputs']
        images = images['target'] if isinstance(images, dict) else images
        seen.append(model.backbone.conv1(images).detach().transpose(0, 1).flatten(1))
    recompute_norm(model, batches(9), count=5)  # three batches of two
    torch.testing.assert_close(norm.running_mean, torch.stack([x.mean(1) for x in seen]).mean(0))
    torch.testing.assert_close(norm.running_var, torch.stack([x.var(1) for x in seen]).mean(0))
    assert (int(norm.num_batches_tracked), norm.momentum, model.training) == (3, 0.1, False)
    for name, value in model.state_dict().items():
        if name not in buffers(model):
            assert torch.equal(value, weights[name]), name


def test_frozen_norms_keep_their_averages():
    model = live(backbone=dict(LIVE['backbone'], norm_eval=True))
    start = copy.deepcopy(buffers(model.backbone))
    recompute_norm(model, batches(2), count=4)
    for name, value in buffers(model.backbone).items():
        assert torch.equal(value, start[name])
    assert model.training


def test_a_model_without_batch_norm_is_refused():
    with pytest.raises(JointError, match='nothing to recompute: leave out --recompute-norm'):
        recompute_norm(build(), batches(1), count=1)


def test_the_loader_of_a_joint_config_keeps_the_real_domains():
    loader = dict(
        batch_size=7,
        sampler=dict(type='JointSampler', samples_per_domain=dict(source=4, target=2, unlabeled=1)),
        dataset=dict(
            type='JointDataset',
            domains=dict(source='s', target='t', unlabeled='u'),
            rare_classes=dict(source=dict(), target=dict()),
        ),
    )
    cfg = Config(dict(train_dataloader=loader))
    found = target_loader(cfg)
    assert cfg.train_dataloader == loader  # as it was
    assert found['batch_size'] == 3
    assert found['sampler']['samples_per_domain'] == dict(target=2, unlabeled=1)
    # without the rare classes of a domain that is no longer read
    domains = dict(target='t', unlabeled='u')
    assert found['dataset'] == dict(type='JointDataset', domains=domains)
    loader['sampler']['samples_per_domain'] = dict(source=4, target=0)
    assert set(target_loader(Config(dict(train_dataloader=loader)))['dataset']['domains']) == {
        'source'
    }
    with pytest.raises(JointError, match='no train_dataloader'):
        target_loader(Config(dict(model={})))


@pytest.fixture
def trained(roots, tmp_path, monkeypatch):
    """A tiny model with batch norm and meaningless averages, its config and checkpoint."""
    cfg = tiny(ROOT / 'configs/joint_squeezenet_streets_camvid.py', roots, tmp_path / 'work')
    backbone = dict(LIVE['backbone'], type='ResNetV1c', norm_eval=False)
    cfg.model.backbone = backbone
    cfg.model.decode_head = dict(
        type='FCNHead', in_channels=32, in_index=3, channels=8, num_classes=11,
        norm_cfg=dict(type='BN'),
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )  # fmt: skip
    path, file = tmp_path / 'bn.py', tmp_path / 'bn.pth'
    cfg.dump(path)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.fill_(100.0)
    torch.save(dict(state_dict=model.state_dict(), meta={}), file)
    return cfg, path, file


def assert_predicts_otherwise(call, config, file, folder):
    """Test a checkpoint with and without the flag, and compare the images that are written."""
    for name, flags in (('anew', ['--recompute-norm', 6]), ('old', [])):
        status, _, stderr = call(TEST, config, file, '--out', folder / name, *flags)
        assert (status, 'batch norm statistics' in stderr) == (0, bool(flags))
    images = [path.name for path in (folder / 'anew').glob('*.png')]
    anew, old = ([(folder / n / x).read_bytes() for x in images] for n in ('anew', 'old'))
    assert images and anew != old


def test_the_export_holds_them_and_testing_uses_them(trained, tmp_path, call):
    _, path, file = trained
    out = tmp_path / 'plain.pth'
    ended = call(ROOT / 'tools/export_checkpoint.py', path, file, out, '--recompute-norm', 6)
    given = torch.load(out)['state_dict']
    assert given['backbone.stem.1.running_mean'].abs().max() < 50
    assert 'batch norm statistics' in ended.stderr

    assert_predicts_otherwise(call, path, file, tmp_path)


def test_a_plain_mmseg_config_is_tested_with_them(trained, tmp_path, call):
    cfg, _, file = trained
    cfg.model.update(type='EncoderDecoder')
    cfg.model.data_preprocessor.update(type='SegDataPreProcessor')
    cfg.model.pop('objectives', None)
    target = cfg.train_dataloader.dataset.domains.target
    cfg.train_dataloader = dict(
        batch_size=2,
        num_workers=0,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=target,
    )
    path = tmp_path / 'plain.py'
    cfg.dump(path)
    assert_predicts_otherwise(call, path, file, tmp_path)


@pytest.mark.parametrize('number', ['0', '-3', 'all', '1.5'])
def test_an_invalid_number_is_refused(trained, call, number):
    _, path, file = trained
    status, _, stderr = call(TEST, path, file, '--recompute-norm', number)
    assert status == 2 and 'recompute-norm' in stderr


def test_a_wrapped_model_gets_the_averages_of_all_ranks(trained, monkeypatch):
    cfg, _, _ = trained
    model, averaged = MODELS.build(cfg.model), []
    monkeypatch.setattr(recompute_norm_module, 'average_buffers', averaged.append)
    recompute_norm_of(nn.DataParallel(model), cfg, 4)
    assert int(model.backbone.stem[1].num_batches_tracked) == 2
    assert averaged == [model]
