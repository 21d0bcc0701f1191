from __future__ import annotations

import pytest
import torch

from mmseg_joint.errors import JointError
from mmseg_joint.models import HierarchicalWeighting
from tests.tiny import CLASSES, WEIGHTING, batch, build


def reference_weights(model, source, labels):
    """Eq. 3 and 4 for one image at a time, pixel by pixel level in plain loops over classes."""
    networks = model.objectives['weighting'].networks
    weights = torch.zeros(labels.shape, dtype=source.dtype)
    height, width = labels.shape[-2:]
    with torch.no_grad():
        for n in range(len(labels)):
            maps = []
            for level, network in networks.items():
                score = network(source[n : n + 1])
                if level == 'image':
                    chosen = (score > 0.5).to(score)[..., None, None].expand(-1, -1, height, width)
                else:
                    chosen = (score > score.mean(dim=(2, 3), keepdim=True)).to(score)
                    chosen = torch.nn.functional.interpolate(chosen, (height, width))
                maps.append(chosen[0])
            mean = torch.stack(maps).mean(0)
            for k in range(CLASSES):
                channel = mean[k if len(mean) > 1 else 0]
                weights[n] += channel * (labels[n] == k)
    return weights


@pytest.mark.parametrize('per_class', [True, False])
@pytest.mark.parametrize('levels', [('pixel', 'region', 'image'), ('pixel',), ('region', 'image')])
def test_weights_and_losses_equal_the_paper(per_class, levels):
    objective = dict(WEIGHTING, per_class=per_class, levels=levels)
    model = build(dict(weighting=objective))
    for network in model.objectives['weighting'].networks.values():
        torch.nn.init.normal_(
            list(network.parameters())[-2], std=2.0
        )  # scores on both sides of 0.5
    data = model.data_preprocessor(batch(size=(67, 90), count=2), training=True)
    outputs = model._forward_domains(**{'inputs': data['inputs'], 'samples': data['data_samples']})
    result = model.objectives['weighting'](outputs)

    expected = reference_weights(model, outputs['source'].probabilities, outputs['source'].labels)
    torch.testing.assert_close(result.pixel_weights['source'], expected)
    assert 0 < expected.mean() < 1

    for domain, label in (('source', 0.0), ('target', 1.0)):
        scores = model.objectives['weighting'].score(outputs[domain].probabilities)
        assert {score.shape[1] for score in scores.values()} == {CLASSES if per_class else 1}
        wanted = sum((score - label).abs().mean() for score in scores.values())
        torch.testing.assert_close(result.losses[f'loss_{domain}'], wanted)
    assert set(result.pixel_weights) == {'source'}


def test_with_a_mean_of_one_the_loss_is_divided_by_the_sum_of_the_weights():
    plain = build(dict(weighting=WEIGHTING))
    scaled = build(dict(weighting=dict(WEIGHTING, unit_mean=True)))
    data = plain.data_preprocessor(batch(size=(67, 90), count=2), training=True)
    data['data_samples']['source'][0].gt_sem_seg.data[:, :20] = 255
    outputs = plain._forward_domains(data['inputs'], data['data_samples'])
    weights = plain.objectives['weighting'](outputs).pixel_weights['source']

    losses = scaled(**data, mode='loss')
    source = outputs['source']
    each = torch.nn.functional.cross_entropy(
        source.logits, source.labels, ignore_index=255, reduction='none'
    )
    assert 0 < weights.mean() < 0.9
    expected = (weights * each).sum() / weights.sum()
    torch.testing.assert_close(losses['source.decode.loss_ce'], expected)
    mean = weights.sum() / (source.labels != 255).sum()
    torch.testing.assert_close(losses['weighting.mean_weight'], mean)  # logged as it was


@pytest.mark.parametrize('unit_mean', [False, True])
def test_a_model_in_float64_has_weights_in_float64(unit_mean):
    model = build(dict(weighting=dict(WEIGHTING, unit_mean=unit_mean))).double()
    data = model.data_preprocessor(batch(size=(67, 90), count=2), training=True)
    outputs = model._forward_domains(data['inputs'], data['data_samples'])
    source = outputs['source']
    result = model.objectives['weighting'](outputs)

    expected = reference_weights(model, source.probabilities, source.labels)
    mean = expected.sum() / (source.labels != 255).sum()
    expected = expected / mean if unit_mean else expected
    exactly = dict(rtol=1e-12, atol=0)
    torch.testing.assert_close(result.pixel_weights['source'], expected, **exactly)
    torch.testing.assert_close(result.losses['mean_weight'], mean, **exactly)


def test_a_mix_is_weighted_too_once_there_is_one():
    mix = dict(type='ClassMix', threshold=0.25)
    objectives = dict(teacher=dict(type='Teacher'), mix=mix)
    model = build(dict(objectives, weighting=dict(WEIGHTING, also=('source_mix',)))).double()
    plain = build(dict(objectives, weighting=WEIGHTING)).double()
    plain.load_state_dict(model.state_dict())
    data = batch(domains=('source', 'target', 'unlabeled'), count=2)
    data = model.data_preprocessor(data, training=True)

    def losses_of(model):
        torch.manual_seed(0)  # of the mix
        return model.loss(**data)

    ours, theirs = losses_of(model), losses_of(plain)
    for name, value in theirs.items():
        if name != 'source_mix.decode.loss_ce':
            torch.testing.assert_close(ours[name], value, rtol=1e-12, atol=0, msg=name)
    torch.manual_seed(0)
    inputs, samples, weights, _ = model._derive_domains(data['inputs'], data['data_samples'])
    with torch.no_grad():
        logits = model.segment(inputs['source_mix'])[1]
    labels = torch.cat([sample.gt_sem_seg.data for sample in samples['source_mix']])
    chosen = logits.log_softmax(1).gather(1, labels[:, None])[:, 0]
    hierarchical = reference_weights(model, logits.softmax(1), labels)
    expected = -(hierarchical * weights['source_mix'] * chosen).mean()
    assert hierarchical.std() > 0.001 * hierarchical.mean()
    torch.testing.assert_close(
        ours['source_mix.decode.loss_ce'].detach(), expected, rtol=1e-6, atol=0
    )
    model.objectives['teacher'].start = 9  # in a burn-in there is no mix
    assert 'source_mix.decode.loss_ce' not in losses_of(model)


def test_a_source_without_any_weight_stays_without():
    model = build(dict(weighting=dict(WEIGHTING, unit_mean=True, levels=('image',))))
    last = list(model.objectives['weighting'].networks['image'].parameters())[-2:]
    with torch.no_grad():
        for parameter in last:
            parameter.zero_()  # scores 0, below the threshold
    losses = model(**model.data_preprocessor(batch(), training=True), mode='loss')
    assert losses['source.decode.loss_ce'] == 0


def test_weights_are_constants_for_the_segmentor():
    model = build(dict(weighting=WEIGHTING))
    data = model.data_preprocessor(batch(), training=True)
    outputs = model._forward_domains(data['inputs'], data['data_samples'])
    assert not model.objectives['weighting'](outputs).pixel_weights['source'].requires_grad


@pytest.mark.parametrize('levels', [(), ('pixel', 'frame')])
def test_unknown_levels_are_refused(levels):
    with pytest.raises(JointError, match=r'levels .* pixel, region, image'):
        HierarchicalWeighting(num_classes=3, levels=levels)


def test_a_levels_network_may_differ():
    region = dict(strides=(2, 2, 1, 1, 1), negative_slope=0.3)
    network = dict(channels=(4, 4, 4, 4), negative_slope=0.1, region=region)
    objective = HierarchicalWeighting(num_classes=3, network=network)
    scores = objective.score(torch.rand(1, 3, 64, 64))
    assert scores['region'].shape == (1, 3, 16, 16)
    assert objective.networks['pixel'].convs[2].stride == (2, 2)
    slopes = {level: net.convs.negative_slope for level, net in objective.networks.items()}
    assert slopes == dict(pixel=0.1, region=0.3, image=0.1)


def test_maps_are_not_coarsened_by_mixed_precision():
    torch.manual_seed(0)
    objective = HierarchicalWeighting(num_classes=3, network=dict(channels=(8, 8, 8, 8)))
    network = objective.networks['region']
    with torch.no_grad():  # scores close together around 0.9, as Eq. 1 makes them
        network.convs[-1].weight.mul_(0.01)
        network.convs[-1].bias.fill_(0.9)
    probabilities = torch.randn(1, 3, 128, 128).softmax(1)
    exact = network(probabilities)
    with torch.autocast('cpu', torch.bfloat16):
        mixed = network(probabilities)
    assert mixed.dtype == torch.float32
    assert ((mixed > mixed.mean()) == (exact > exact.mean())).float().mean() > 0.9
