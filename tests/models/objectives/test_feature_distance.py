"""Which cells count, the distances by hand, and that the compared features stay."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmseg_joint.checkpoints import pretrained as pretrained_file
from mmseg_joint.engine.joint_optim_wrapper_constructor import JointOptimWrapperConstructor
from mmseg_joint.errors import JointError
from mmseg_joint.models.objectives import FeatureDistance, feature_distance
from tests.tiny import CLASSES, MODEL, batch, build

SGD = dict(optimizer=dict(type='SGD', lr=0.05))


def model_with(**values):
    model = build(dict(distance=dict(type='FeatureDistance', level=1, **values))).double().train()
    with torch.no_grad():
        for value in model.backbone.parameters():
            value.add_(0.1 * torch.randn_like(value))  # as if it had been trained
    return model


def data_of(model, domains=('source', 'target')):
    """Blocks of one class each, some with holes, some mixed."""
    data = batch(3, domains, count=2, size=(45, 71))
    torch.manual_seed(0)
    for sample in data['data_samples']:
        blocks = torch.randint(0, CLASSES, (1, 5, 8)).repeat_interleave(10, 1)
        labels = blocks.repeat_interleave(10, 2)[:, :45, :71].clone()
        labels[torch.rand(labels.shape) < 0.1] = 255
        labels[:, :, :15] = torch.randint(0, CLASSES, (1, 45, 15))
        sample.gt_sem_seg.data = labels
    return model.data_preprocessor(data, training=True)


def cells_by_hand(labels, height, width, classes, purity):
    counts = torch.zeros(len(labels), height, width, dtype=torch.bool)
    votes = {}
    for n, h, w in torch.cartesian_prod(*map(torch.arange, labels.shape)).tolist():
        cell = n, h * height // labels.shape[1], w * width // labels.shape[2]
        votes.setdefault(cell, []).append(int(labels[n, h, w]))
    for cell, found in votes.items():
        best = max(range(CLASSES), key=found.count)
        counts[cell] = best in classes and found.count(best) >= purity * len(found)
    return counts


@pytest.mark.parametrize('mode', ['l2', 'cosine'])
@pytest.mark.parametrize('classes', [(1, 3), None])
@pytest.mark.parametrize('domains', [('source',), ('source', 'target')])
def test_value_and_gradient(mode, classes, domains):
    values = dict(channels=6) if mode == 'cosine' else {}
    model = model_with(
        mode=mode, classes=classes, purity=0.6, weight=0.5, domains=domains, **values
    )
    objective = model.objectives['distance']
    assert isinstance(objective.projection, nn.Conv2d) == (mode == 'cosine')
    data = data_of(model)
    loss = model.loss(**data)['distance.loss_distance']
    images = torch.cat([data['inputs'][domain] for domain in domains])
    own = model.extract_feat(images)[1]
    if mode == 'cosine':
        own = objective.projection(own)
    first = objective.frozen.backbone.eval()(images)[1].detach()
    samples = [sample for domain in domains for sample in data['data_samples'][domain]]
    labels = torch.cat([sample.gt_sem_seg.data for sample in samples])
    cells = torch.ones(len(own), *own.shape[2:], dtype=torch.bool)
    if classes is not None:
        cells = cells_by_hand(labels, *own.shape[2:], classes, 0.6)
        assert 0 < cells.sum() < cells.numel() / 2
    distances = []
    for n, h, w in cells.nonzero().tolist():
        a, b = own[n, :, h, w], first[n, :, h, w]
        if mode == 'l2':
            distances.append(((a - b) ** 2).sum() ** 0.5)
        else:
            gap = (a - b).abs()
            smooth = torch.where(gap < 1, gap**2 / 2, gap - 0.5).mean()
            distances.append(0.1 * smooth + 0.9 * (1 - a @ b / (a @ a * (b @ b)) ** 0.5))
    expected = 0.5 * sum(distances) / len(distances)
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=1e-12)
    parts = [*model.backbone.parameters(), *objective.projection.parameters()]
    parts = [value for value in parts if value.requires_grad]
    ours = torch.autograd.grad(loss, parts, allow_unused=True)
    theirs = torch.autograd.grad(expected, parts, allow_unused=True)
    for a, b in zip(ours, theirs):
        assert (a is None or not a.any()) if b is None else True
        if b is not None:
            torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-11)
    assert all(value.grad is None for value in objective.frozen.parameters())


def test_at_the_start_the_distance_and_its_gradient_are_0():
    model = build(dict(distance=dict(type='FeatureDistance', level=1))).double().train()
    loss = model.loss(**data_of(model))['distance.loss_distance']
    own = [value for value in model.backbone.parameters() if value.requires_grad]
    found = torch.autograd.grad(loss, own, allow_unused=True)
    assert loss == 0 and all(g is None or g.abs().max() == 0 for g in found)


def test_images_without_thing_classes():
    model = model_with(classes=(4,))
    data = data_of(model)
    for sample in data['data_samples']['source']:
        sample.gt_sem_seg.data.fill_(255)
    loss = model.loss(**data)['distance.loss_distance']
    assert loss == 0 and loss.requires_grad


def test_the_first_features_stay_in_training_and_in_a_checkpoint():
    model = build(dict(distance=dict(type='FeatureDistance', level=1, weight=1.0)))
    frozen = model.objectives['distance'].frozen.backbone
    for _ in range(2):
        assert not any(module.training for module in frozen.modules())
        model.train()
    first = copy.deepcopy(model.backbone.state_dict())
    wrapper = JointOptimWrapperConstructor(dict(segmentor=SGD))(model)
    for number in range(2):
        model.train_step(batch(number), wrapper)
    assert any(not torch.equal(v, first[n]) for n, v in model.backbone.state_dict().items())
    for name, value in frozen.state_dict().items():
        assert torch.equal(value, first[name]), name
    other = build(dict(distance=dict(type='FeatureDistance', level=1)), seed=1)
    other.load_state_dict(model.state_dict())
    for name, value in other.objectives['distance'].frozen.backbone.state_dict().items():
        assert torch.equal(value, first[name]), name
    held = {id(v) for group in wrapper['segmentor'].optimizer.param_groups for v in group['params']}
    assert held.isdisjoint(map(id, frozen.parameters()))


DRAWN = [dict(type='Kaiming', layer='Conv2d')]  # what mmseg's ResNet has without an init_cfg


@pytest.mark.parametrize(('pretrained', 'init_cfg'), [(False, None), (False, DRAWN), (True, None)])
def test_weights_of_another_run_are_kept_where_none_are_pretrained(
    pretrained, init_cfg, tmp_path, monkeypatch
):
    warned = []
    monkeypatch.setattr(feature_distance, 'print_log', lambda text, **values: warned.append(text))
    other, read, find = build(seed=1), [], pretrained_file.read_checkpoint
    monkeypatch.setattr(
        pretrained_file, 'read_checkpoint', lambda *args: read.append(args) or find(*args)
    )
    torch.save(build(seed=2).backbone.state_dict(), tmp_path / 'pretrained.pth')
    own = dict(type='Pretrained', checkpoint=str(tmp_path / 'pretrained.pth'))
    backbone = dict(MODEL.backbone, init_cfg=own if pretrained else init_cfg)
    model = build(dict(distance=dict(type='FeatureDistance', level=1)), backbone=backbone)
    assert len(read) == pretrained  # the copy reads nothing
    assert len(warned) == (not pretrained)
    first = copy.deepcopy(model.backbone.state_dict())
    model.load_state_dict(other.state_dict(), strict=False)  # as load_from does
    wrapper = JointOptimWrapperConstructor(dict(segmentor=SGD))(model)
    wrapper.initialize_count_status(model, 0, 8)
    kept = first if pretrained else other.backbone.state_dict()
    for name, value in model.objectives['distance'].frozen.backbone.state_dict().items():
        assert torch.equal(value, kept[name]), name


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (dict(mode='l1'), r'FeatureDistance\.mode is .l1.: choose one of l2, cosine\.'),
        (dict(mode='cosine'), r'FeatureDistance\.channels is the number of channels'),
        (dict(channels=6), r'FeatureDistance\.channels .* give it there, and only there'),
        (dict(classes=(5,)), r'classes is \[5\]: give indices of classes from 0 to 4\.'),
        (dict(purity=2), r'FeatureDistance\.purity is 2'),
    ],
)
def test_refusals(values, message):
    with pytest.raises(JointError, match=message):
        model_with(**values)


@pytest.mark.parametrize(
    'name', ['vit_tiny', 'eva02_tiny', 'convnext_tiny.dinov3', 'resnet50_clip', 'beit_base']
)
def test_l2_is_refused_for_foundation_models(name):
    backbone = nn.Conv2d(3, 4, 1)
    backbone.model_name = name
    handle = SimpleNamespace(copy_backbone=lambda: backbone)
    with pytest.raises(JointError, match=rf'harms a foundation model like {name}.*cosine'):
        FeatureDistance(handle, num_classes=3)
    assert FeatureDistance(handle, num_classes=3, mode='cosine', channels=4).weight == 0.1
    backbone.model_name = 'resnet50'
    assert FeatureDistance(handle, num_classes=3).weight == 0.005


@pytest.mark.parametrize(('purity', 'counts'), [(0.75, True), (0.76, False)])
def test_a_cell_needs_the_purity_at_least(purity, counts):
    own = model_with(classes=(1,), purity=purity).objectives['distance']
    labels = torch.tensor([[[1, 1], [1, 255]]])
    assert own._cells(SimpleNamespace(truth=labels), (1, 1)).item() == counts
