"""Eq. 1, 4 and 5 of Hung et al. against plain formulas."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from mmseg_joint.errors import JointError
from mmseg_joint.models import SemiSupervisedAdversarial
from mmseg_joint.models.objectives import DomainOutput
from tests.tiny import batch
from tests.tiny import build as build_model

CLASSES = 4
SIZE, UNLABELED_SIZE = (37, 50), (64, 33)


def build(**values):
    torch.manual_seed(9)
    values = {'start': 0, **values}
    narrow = dict(channels=(4, 4, 4, 4))
    return SemiSupervisedAdversarial(CLASSES, discriminator=narrow, **values).double()


def output(seed, size, scale=1.0, labels=True):
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(2, CLASSES, *size, generator=generator, dtype=torch.float64)
    label = torch.randint(0, CLASSES - 1, (2, *size), generator=generator)
    label[:, : size[0] // 5] = 255
    label = label if labels else None
    images = torch.zeros(2, 3, *size)
    return DomainOutput(images, label, lambda x: x, features=(), logits=logits.requires_grad_())


def both(scale=1.0, padded=False):
    outputs = dict(
        target=output(0, SIZE, scale), unlabeled=output(1, UNLABELED_SIZE, scale, labels=False)
    )
    if padded:
        outputs['unlabeled'].padding = torch.zeros(2, *UNLABELED_SIZE, dtype=torch.bool)
        outputs['unlabeled'].padding[1, 30:] = outputs['unlabeled'].padding[1, :, 20:] = True
    return outputs


def d_logits(objective, maps):
    """D's probability that a pixel is ground truth, (N, H, W)."""
    size, corners = maps.shape[2:], objective.align_corners
    patches = objective.discriminator(maps)
    return F.interpolate(patches, size, mode='bilinear', align_corners=corners)[:, 0].sigmoid()


def expected_losses(objective, outputs):
    """All losses with weight 1, nothing detached."""
    labels = outputs['target'].labels
    known = labels != 255
    padding = outputs['unlabeled'].padding
    real = torch.ones(2, *UNLABELED_SIZE, dtype=torch.bool) if padding is None else ~padding
    maps, unlabeled = (outputs[domain].logits.softmax(1) for domain in ('target', 'unlabeled'))
    of_maps, of_unlabeled = d_logits(objective, maps)[known], d_logits(objective, unlabeled)
    truth = F.one_hot(labels.where(known, 0), CLASSES).permute(0, 3, 1, 2) * known[:, None]
    predictions = [of_maps]
    if objective.judge_unlabeled:
        predictions.append(of_unlabeled[real])
    own = -unlabeled.amax(1).log()  # cross-entropy against the most probable class
    trusted = (of_unlabeled >= objective.threshold) & real
    d_loss = -(1 - torch.cat(predictions)).log().mean()
    return {
        'loss_adversarial': -of_maps.log().mean(),
        'loss_adversarial_unlabeled': -of_unlabeled[real].log().mean(),
        'loss_self_training': own[trusted].mean(),
        'loss_discriminator': (d_loss - d_logits(objective, truth.double())[known].log().mean())
        / 2,
    }, trusted[real]


WEIGHTS = {
    'loss_adversarial': 0.3,
    'loss_adversarial_unlabeled': 0.2,
    'loss_self_training': 0.5,
    'loss_discriminator': 0.7,
}
REACHES = {  # target's logits, unlabeled logits, D
    'loss_adversarial': (True, False, False),
    'loss_adversarial_unlabeled': (False, True, False),
    'loss_self_training': (False, True, False),
    'loss_discriminator': (False, False, True),
}


def weighty(**values):
    names = ('weight', 'unlabeled_weight', 'self_training_weight', 'discriminator_weight')
    return build(**dict(zip(names, WEIGHTS.values())), **values)


def middle(outputs):
    """A threshold that about half of the unlabeled pixels pass."""
    return d_logits(build(), outputs['unlabeled'].logits.softmax(1)).median().item()


@pytest.mark.parametrize(('padded', 'align_corners'), [(True, True), (False, True), (False, False)])
@pytest.mark.parametrize('judge_unlabeled', [True, False])
def test_losses_and_gradients_equal_the_formulas(judge_unlabeled, padded, align_corners):
    outputs = both(padded=padded)
    values = dict(judge_unlabeled=judge_unlabeled, align_corners=align_corners)
    objective = weighty(threshold=middle(outputs), **values)
    losses = objective(outputs).losses
    expected, trusted = expected_losses(objective, outputs)
    assert 0 < losses['trusted_share'] < 1
    assert losses['trusted_share'] == trusted.double().mean()
    assert {name for name in losses if 'loss' in name} == set(expected)
    parts = [
        [outputs['target'].logits],
        [outputs['unlabeled'].logits],
        list(objective.discriminator.parameters()),
    ]
    for name, weight in WEIGHTS.items():
        value = weight * expected[name]
        torch.testing.assert_close(losses[name], value, rtol=1e-10, atol=1e-12)
        for part, reached in zip(parts, REACHES[name]):
            got = torch.autograd.grad(losses[name], part, retain_graph=True, allow_unused=True)
            if not reached:
                assert all(gradient is None for gradient in got)
                continue
            for ours, theirs in zip(got, torch.autograd.grad(value, part, retain_graph=True)):
                torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-14)


def test_accuracies_count_known_pixels_classified_correctly():
    outputs = both()
    objective = build()
    with torch.no_grad():
        objective.discriminator.convs[-1].weight.mul_(100)
    losses = objective(outputs).losses
    labels = outputs['target'].labels
    known = labels != 255
    maps = [outputs[domain].logits.softmax(1) for domain in ('target', 'unlabeled')]
    of_maps = [d_logits(objective, part) < 0.5 for part in maps]
    d_loss = torch.cat([of_maps[0][known], of_maps[1].flatten()])
    truth = (labels[:, None] == torch.arange(CLASSES).view(1, -1, 1, 1)).double()
    assert losses['accuracy_prediction'] == d_loss.double().mean()
    assert losses['accuracy_truth'] == (d_logits(objective, truth)[known] >= 0.5).double().mean()
    assert 0 < losses['accuracy_prediction'] < 1 and 0 < losses['accuracy_truth'] < 1


def test_padding_is_shown_without_a_pseudo_label():
    outputs = both(padded=True)
    shown = build(threshold=0.0).visualize(outputs)['unlabeled']['pseudo-label']
    assert torch.equal(shown < 0, outputs['unlabeled'].padding)


@pytest.mark.parametrize(('threshold', 'share'), [(0.5, 1), (0.500001, 0)])
def test_the_threshold_itself_is_trusted_and_nothing_trusted_is_zero(threshold, share):
    objective = build(threshold=threshold)
    for parameter in objective.parameters():
        torch.nn.init.zeros_(parameter)  # so D says 0.5 everywhere
    outputs = both()
    losses = objective(outputs).losses
    assert losses['trusted_share'] == share
    assert ((objective.visualize(outputs)['unlabeled']['pseudo-label'] >= 0) == bool(share)).all()
    losses['loss_self_training'].backward()
    assert bool(losses['loss_self_training'] > 0) == bool(share)
    assert bool(outputs['unlabeled'].logits.grad.any()) == bool(share)


def test_no_known_pixel_is_zero_with_zero_gradient():
    objective = build(judge_unlabeled=False)
    outputs = both()
    outputs['target'].labels.fill_(255)
    losses = objective(outputs).losses
    names = 'loss_adversarial', 'loss_discriminator'
    sum(losses[name] for name in names).backward()
    assert all(losses[name] == 0 for name in names)
    assert losses['accuracy_prediction'] == losses['accuracy_truth'] == 0
    gradients = [value.grad for value in objective.parameters()]
    assert not any(gradient.any() for gradient in [outputs['target'].logits.grad, *gradients])


def test_ignored_pixels_are_those_of_the_ignore_index():
    losses = []
    for value in (255, 77):
        outputs = both()
        outputs['target'].labels[outputs['target'].labels == 255] = value
        losses.append(build(ignore_index=value)(outputs).losses)
    assert losses[0] == losses[1]


def test_an_ignore_index_below_the_number_of_classes_is_no_class():
    losses = []
    for value in (255, 1):
        outputs = both()
        labels = outputs['target'].labels
        labels[(labels == 1) | (labels == 255)] = value
        losses.append(build(ignore_index=value)(outputs).losses)
    assert losses[0] == losses[1]


def test_extreme_logits_give_finite_losses_and_gradients():
    objective = build().float()
    outputs = both()
    for output in outputs.values():
        output.logits = (1e4 * output.logits.detach()).float().requires_grad_()
    losses = objective(outputs).losses
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    tensors = [*objective.parameters(), *(output.logits for output in outputs.values())]
    assert all(tensor.grad.isfinite().all() for tensor in tensors)


class TestSteps:
    def test_self_training_begins_after_the_given_number(self):
        objective, outputs = build(start=2, threshold=0.0), both()
        values = [objective(outputs).losses['loss_self_training'] for _ in range(4)]
        assert values[0] == values[1] == 0
        assert values[2] == values[3] > 0

    def test_unlabeled_predictions_have_an_adversarial_loss_from_the_first_step_by_default(self):
        outputs = both()
        for start, zeros in ((0, 0), (2, 2)):
            objective = build(adversarial_start=start)
            values = [objective(outputs).losses['loss_adversarial_unlabeled'] for _ in range(3)]
            assert [value.item() == 0 for value in values] == [i < zeros for i in range(3)]

    def test_the_count_is_in_the_checkpoint(self):
        first, outputs = build(start=3, threshold=0.0), both()
        for _ in range(3):
            first(outputs)
        resumed = build(start=3, threshold=0.0)
        resumed.load_state_dict(first.state_dict())
        assert resumed.step == 3
        assert resumed(outputs).losses['loss_self_training'] > 0

    def test_only_training_counts(self):
        objective, outputs = build(), both()
        objective.eval()(outputs)
        assert objective.step == 0
        objective.train()(outputs)
        assert objective.step == 1

    def test_the_count_is_no_parameter_and_keeps_its_type(self):
        objective = build().float()
        assert objective.step.dtype == torch.long
        assert 'step' not in dict(objective.named_parameters())


def test_in_the_model_each_loss_reaches_its_networks():
    kind = dict(type='SemiSupervisedAdversarial', start=0, threshold=0.0)
    model = build_model(dict(semi=dict(kind, discriminator=dict(channels=(4, 4, 4, 4)))))
    data = model.data_preprocessor(batch(domains=('target', 'unlabeled'), count=2), training=True)
    losses = model.loss(**data)
    parameters = dict(model.named_parameters())
    for name in WEIGHTS:
        gradients = torch.autograd.grad(
            losses[f'semi.{name}'], list(parameters.values()), retain_graph=True, allow_unused=True
        )
        reached = {
            'discriminator' if 'objectives.semi.' in parameter else 'segmentor'
            for parameter, gradient in zip(parameters, gradients)
            if gradient is not None and gradient.abs().sum() > 0
        }
        assert reached == {'discriminator' if name == 'loss_discriminator' else 'segmentor'}
    assert 'target.decode.loss_ce' in losses and 'unlabeled.decode.loss_ce' not in losses
    assert 'objectives.semi.step' in model.state_dict()


def test_the_published_discriminator_and_weights():
    objective = SemiSupervisedAdversarial(num_classes=19)
    convs = objective.discriminator.convs
    widths = [tuple(conv.weight.shape[:2]) for conv in convs]
    assert widths == [(64, 19), (128, 64), (256, 128), (512, 256), (1, 512)]
    assert {conv.kernel_size for conv in convs} == {(4, 4)} and convs.negative_slope == 0.2
    assert objective.weight == 0.01 and objective.unlabeled_weight == 0.001
    assert objective.self_training_weight == 0.1 and objective.threshold == 0.2
    assert objective.start == 5000


@pytest.mark.parametrize(
    ('wrong', 'remedy'),
    [
        (dict(threshold=1.5), 'threshold is 1.5: choose a number from 0 to 1'),
        (dict(labeled='unlabeled'), 'labeled is "unlabeled": name a labeled domain'),
        (dict(unlabeled='target'), 'labeled is "target": name a labeled domain other'),
    ],
)
def test_impossible_values(wrong, remedy):
    with pytest.raises(JointError, match=f'SemiSupervisedAdversarial.{remedy}'):
        build(**wrong)
