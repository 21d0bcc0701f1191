"""Each objective's gradients on two ranks, one image per domain each, equal one process with two.

Images differ in the number of labeled positions, classes and confident pixels. Supervised
losses are left out: as everywhere in mmseg, they average within a process.
"""

from __future__ import annotations

import copy

import pytest
import torch
from mmengine.dist import all_reduce

from tests.ranks import on_ranks
from tests.tiny import CLASSES, GAN, MODEL, WEIGHTING, batch, build

DOMAINS = ('source', 'target', 'unlabeled')
NARROW = dict(channels=(4, 4, 4, 4))
SA = dict(type='SemanticAdversarial', feature_index=2)
OBJECTIVES = {
    'HRS': dict(weighting=WEIGHTING, gan=dict(GAN, real_label=(0.9, 0.9), fake_label=(0.1, 0.1))),
    'GA': dict(ga=dict(type='OutputAdversarial', levels=2, discriminator=NARROW)),
    'FCSA': dict(sa=dict(SA, discriminator=dict(mode='fc', in_channels=8, channels=8))),
    'CSA': dict(sa=dict(SA, discriminator=dict(mode='conv', in_channels=8, channels=8))),
    'MaxSquare': dict(squares=dict(type='TargetRegularization')),
    'IW': dict(
        squares=dict(type='TargetRegularization', loss=dict(type='MaxSquareLoss', image_wise=True))
    ),
    'Hung': dict(
        hung=dict(type='SemiSupervisedAdversarial', threshold=0.5, start=0, discriminator=NARROW)
    ),
    'multi': dict(squares=dict(type='TargetRegularization', guidance=True, threshold=0.9)),
}
UNLIKE_COUNTS = {'FCSA', 'CSA', 'multi', 'Hung'}  # where the mean of means is not the mean


def two_images(seed: int = 0) -> dict:
    """Two of each domain, with labels that differ in number; the second source has none."""
    data = batch(seed, DOMAINS, count=2)
    for index, sample in enumerate(data['data_samples']):
        labels = sample.gt_sem_seg.data
        labels[:, : 9 * index] = 255
        labels[labels == index % CLASSES] = 255
    data['data_samples'][1].gt_sem_seg.data.fill_(255)
    return data


def of_rank(data: dict, rank: int) -> dict:
    return {key: values[rank::2] for key, values in data.items()}


def model_with(objectives: dict) -> torch.nn.Module:
    head = dict(MODEL.decode_head, in_channels=[3, 6, 8, 8], in_index=[0, 1, 2, 3])
    model = build(objectives, auxiliary_head=head).double()
    with torch.no_grad():  # predictions confident enough for the guidance in places
        for part in (model.decode_head, model.auxiliary_head):
            part.conv_seg.weight.mul_(3000)
    return model


def gradients(model: torch.nn.Module, data: dict) -> dict:
    """Of what the objectives add."""
    model.zero_grad()
    losses = model.loss(**model.data_preprocessor(copy.deepcopy(data), training=True))
    own = [
        v for name, v in losses.items() if 'loss' in name and name.split('.')[0] in model.objectives
    ]
    sum(own).backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize('method', OBJECTIVES)
def test_two_ranks_equal_one_process(method, tmp_path):
    model, data = model_with(OBJECTIVES[method]), two_images()

    def work(rank: int) -> dict:
        found = gradients(model, of_rank(data, rank))
        for gradient in found.values():
            all_reduce(gradient, 'mean')
        return found

    one = gradients(model, data)
    first, second = on_ranks(work, tmp_path)
    assert set(first) == set(second) == set(one)
    for name, value in one.items():
        assert torch.equal(first[name], second[name])
        torch.testing.assert_close(first[name], value, rtol=1e-9, atol=1e-14, msg=name)

    # the images are chosen such that the mean of the ranks' own means differs
    apart = [gradients(model, of_rank(data, rank)) for rank in (0, 1)]
    naive = {name: (apart[0][name] + apart[1][name]) / 2 for name in one}
    same = all(torch.allclose(naive[n], value, rtol=1e-6, atol=1e-12) for n, value in one.items())
    assert same == (method not in UNLIKE_COUNTS)


def test_weights_are_divided_by_the_mean_of_all_ranks(tmp_path):
    model = build(dict(weighting=dict(WEIGHTING, unit_mean=True))).double()
    data = batch(count=2, size=(32, 48))
    data['data_samples'][0].gt_sem_seg.data[:, :24] = 255

    def weights(data: dict) -> torch.Tensor:
        data = model.data_preprocessor(copy.deepcopy(data), training=True)
        outputs = model._forward_domains(data['inputs'], data['data_samples'])
        return model.objectives['weighting'](outputs).pixel_weights['source']

    parts = on_ranks(lambda rank: weights(of_rank(data, rank)), tmp_path)
    torch.testing.assert_close(torch.cat(parts), weights(data), rtol=1e-9, atol=0)
    assert not torch.allclose(parts[0], weights(of_rank(data, 0)))


SAME_COLOR = dict(jitter_probability=0.0, blur_probability=0.0)
MIXES = {  # without random draws, which would differ between ranks
    'class_mix': dict(type='ClassMix', threshold=0.3, colors=SAME_COLOR),
    'masked': dict(type='MaskedConsistency', threshold=0.3, ratio=0.0, colors=SAME_COLOR),
    'consistency': dict(
        type='ConsistencyMix',
        threshold=0.3,
        box_probability=0.0,
        colors=dict(SAME_COLOR, gray_probability=0.0),
    ),
    'rectangle': dict(type='RectangleMix', area=(1.0, 1.0), aspect=(2 / 3, 2 / 3)),
    'distance': dict(type='FeatureDistance', level=2, classes=(0, 1), purity=0.3),
}


@pytest.mark.parametrize('method', MIXES)
def test_mixes_on_two_ranks_equal_one_process(method, tmp_path):
    data = batch(0, DOMAINS, count=2)
    for index, sample in enumerate(data['data_samples']):
        sample.gt_sem_seg.data.fill_(index % 2)  # one class per image, which is pasted
    data['inputs'][5] //= 8  # on which the teacher is less confident
    model = build(dict(teacher=dict(type='Teacher'), own=MIXES[method])).double()
    with torch.no_grad():
        model.decode_head.conv_seg.weight.mul_(3000)
        for value in model.backbone.parameters():
            value.add_(0.01 * torch.randn_like(value))

    def found(data: dict) -> dict:
        model.zero_grad()
        losses = model.loss(**model.data_preprocessor(copy.deepcopy(data), training=True))
        own = [v for name, v in losses.items() if 'loss' in name and name[:7] not in SUPERVISED]
        assert len(own) == 1
        sum(own).backward()
        return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    def work(rank: int) -> dict:
        gradients = found(of_rank(data, rank))
        for gradient in gradients.values():
            all_reduce(gradient, 'mean')
        return gradients

    one = found(data)
    assert any(value.abs().max() > 1e-9 for value in one.values())
    first, second = on_ranks(work, tmp_path)
    for name, value in one.items():
        assert torch.equal(first[name], second[name])
        torch.testing.assert_close(first[name], value, rtol=1e-5, atol=1e-9, msg=name)


SUPERVISED = ('source.', 'target.')
