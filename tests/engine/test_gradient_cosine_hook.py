from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from mmseg_joint.engine import GradientCosineHook
from mmseg_joint.engine.gradient_cosine_hook import COSINE, HELD_OUT
from mmseg_joint.engine.launch import build_runner
from mmseg_joint.errors import JointError
from mmseg_joint.visualization.scalars import read_scalars
from tests.tiny import HRS, batch, build
from tests.tiny_configs import ROOT, tiny
from tests.tools.test_exact_resume import same


@pytest.fixture
def train(roots, tmp_path):
    """Train a tiny config in a folder, measuring gradients every `interval` iterations."""

    def run(config, folder, hook=None, **changes):
        cfg = tiny(ROOT / f'configs/{config}.py', roots, tmp_path / folder)
        cfg.train_cfg.update(max_iters=4)
        cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
        cfg.default_hooks.logger.interval = 1
        if hook is not None:
            source = cfg.train_dataloader.dataset.domains.source
            hook = dict(type='GradientCosineHook', held_out=copy.deepcopy(source), **hook)
            cfg.custom_hooks.append(hook)
        cfg.merge_from_dict(changes)
        runner = build_runner(cfg)
        runner.train()
        return runner

    return run


@pytest.mark.parametrize('config', ['hrs_fcn8s_streets', 'joint_resnet18_streets_cityscapes256'])
def test_training_is_the_same_bit_for_bit(train, config):
    """With weighting networks, a GAN's label noise and dropout; and with live batch norms."""
    plain = train(config, 'plain')
    looked = train(config, 'looked', dict(interval=2))
    assert same(looked.model.state_dict(), plain.model.state_dict())
    assert same(looked.optim_wrapper.state_dict(), plain.optim_wrapper.state_dict())
    scalars = read_scalars(looked.work_dir)
    steps, cosines = scalars[COSINE]
    assert steps.tolist() == [0, 2]
    assert (np.abs(cosines) <= 1).all()
    assert scalars[HELD_OUT][0].tolist() == [0, 2]
    assert scalars['gradient.source'][1].min() > 0
    assert COSINE not in read_scalars(plain.work_dir)


def test_the_cosine_is_that_of_two_backwards():
    model = build(HRS)
    data = batch(count=2)
    alone = build()
    alone.load_state_dict(model.state_dict(), strict=False)
    gradients = []
    for domain in ('source', 'target'):
        losses = alone.loss(**alone.data_preprocessor(copy.deepcopy(data), training=True))
        alone.zero_grad()
        losses[f'{domain}.decode.loss_ce'].backward()
        gradients.append(torch.cat([p.grad.flatten() for p in alone.backbone.parameters()]))
    expected = torch.cosine_similarity(*gradients, dim=0)
    values = GradientCosineHook()._gradients(model, copy.deepcopy(data))
    assert values[COSINE] == pytest.approx(float(expected), rel=1e-4)
    assert values['gradient.source'] == pytest.approx(float(gradients[0].norm()), rel=1e-4)
    assert values['gradient.target'] == pytest.approx(float(gradients[1].norm()), rel=1e-4)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert list(dict(model.objectives.items())) == ['weighting', 'gan']
    model.norm_statistics = ['unlabeled']  # which takes no part
    assert GradientCosineHook()._gradients(model, copy.deepcopy(data)) == values
    assert model.norm_statistics == ['unlabeled']

    same = {**data, 'data_samples': copy.deepcopy(data['data_samples'])}
    for place in (0, 1):  # the target's images are the source's
        same['inputs'][2 + place] = same['inputs'][place]
        same['data_samples'][2 + place].gt_sem_seg = same['data_samples'][place].gt_sem_seg
    assert GradientCosineHook()._gradients(build(), same)[COSINE] == pytest.approx(1.0)


def test_a_batch_without_one_of_the_domains_is_skipped():
    assert GradientCosineHook()._gradients(build(), batch(domains=('target',))) == {}


def test_the_held_out_loss_is_the_cross_entropy_in_evaluation_mode():
    model = build()
    hook = GradientCosineHook()
    (sample,) = batch(domains=('source',))['data_samples']
    (image,) = batch(domains=('source',))['inputs']
    hook._images = [dict(inputs=image, data_samples=sample)]
    model.eval()
    value = hook._held_out(model)
    data = model.data_preprocessor(batch(domains=('source',)), training=True)
    with torch.no_grad():
        scores = model.segment(data['inputs']['source'], evaluate=True)[1]
    labels = sample.gt_sem_seg.data
    picked = scores.log_softmax(1).gather(1, labels.clamp(max=4)[:, None])[:, 0]
    assert value == pytest.approx(float(-picked[labels != 255].mean()), rel=1e-5)


def test_the_held_out_augmentation_is_the_same_at_each_measurement():
    class Augmented:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            made = batch(domains=('source',))
            image = torch.randint(0, 256, (3, 64, 96), dtype=torch.uint8)
            return dict(inputs=image, data_samples=made['data_samples'][0])

    hook, model = GradientCosineHook(), build()
    hook._images = Augmented()
    with torch.no_grad():
        assert hook._held_out(model) == hook._held_out(model)


@pytest.mark.parametrize('interval', [0, True, 2.5])
def test_an_invalid_interval(interval):
    with pytest.raises(JointError, match=r'interval is .*: give a whole number from 1'):
        GradientCosineHook(interval)


def test_unsupported_models(train):
    with pytest.raises(JointError, match='does not go with maps that are computed again'):
        train('joint_squeezenet_streets_camvid', 'x', {}, **{'model.sequential_domains': True})


def test_a_target_without_labels_is_skipped():
    data = batch()
    data['data_samples'][1].set_metainfo(dict(labeled=False))
    del data['data_samples'][1].gt_sem_seg
    assert GradientCosineHook()._gradients(build(), data) == {}


def test_a_frozen_backbone_cannot_be_watched(train):
    frozen = {'model.backbone.frozen_stages': 4}
    with pytest.raises(JointError, match='the backbone has no weight that is trained'):
        train('joint_resnet18_streets_cityscapes256', 'frozen', dict(interval=1), **frozen)
