"""Eq. 4-8 of ASS against plain loops over images, classes and positions."""

from __future__ import annotations

import pytest
import torch

from mmseg_joint.errors import JointError
from mmseg_joint.models import SemanticAdversarial
from mmseg_joint.models.objectives import DomainOutput
from tests.tiny import build as build_model
from tests.tiny import padded_batch, padding_of_batch

CLASSES, CHANNELS = 5, 6


def output(seed, present=(0, 1, 2, 4), size=(5, 7)):
    generator = torch.Generator().manual_seed(seed)
    feature = torch.randn(2, CHANNELS, *size, dtype=torch.float64, generator=generator)
    chosen = torch.tensor([*present, 255])
    index = torch.randint(0, len(chosen), (2, 40, 49), generator=generator)
    labels = chosen[index]
    labels[1][labels[1] == 1] = 255  # a class that only the first image has
    features = (torch.zeros(()), feature.requires_grad_())
    images = torch.zeros(2, 3, 40, 49)
    return DomainOutput(images, labels, lambda x: x, features=features, logits=None)


def build(mode, **kwargs):
    torch.manual_seed(3)
    network = dict(mode=mode, in_channels=CHANNELS, channels=8)
    return SemanticAdversarial(num_classes=CLASSES, discriminator=network, **kwargs).double()


def reference(objective, output, shift, detach=False):
    """-log D_s(·)^(k + shift), averaged over vectors (Eq. 5, 6) or positions (Eq. 7, 8)."""
    mode, losses = objective.discriminator.mode, []
    feature = output.features[-1].detach() if detach else output.features[-1]
    height, width = feature.shape[2:]
    for n in range(len(feature)):
        small = output.labels[n][
            torch.arange(height) * 40 // height][:, torch.arange(width) * 49 // width]  # fmt: skip
        for k in range(CLASSES):
            vectors = feature[n][:, small == k].T
            if mode == 'fc' and len(vectors):
                vectors = vectors.mean(0, keepdim=True)
            for vector in vectors:
                shaped = vector[None] if mode == 'fc' else vector[None, :, None, None]
                odds = objective.discriminator(shaped).flatten().exp()
                losses.append(-torch.log(odds[k + shift] / odds.sum()))
    return torch.stack(losses).mean()


@pytest.mark.parametrize('mode', ['fc', 'conv'])
def test_losses_and_gradients_equal_the_formulas(mode):
    objective = build(mode, weight=0.3, discriminator_weight=0.7)
    outputs = dict(source=output(0), target=output(1, present=(0, 3)))
    losses = objective(outputs).losses
    expected = {
        'loss_adversarial': 0.3 * reference(objective, outputs['source'], CLASSES),
        'loss_discriminator': 0.35
        * (
            reference(objective, outputs['source'], 0, detach=True)
            + reference(objective, outputs['target'], CLASSES, detach=True)
        ),
    }
    parameters = list(objective.parameters())
    features = [outputs[domain].features[-1] for domain in ('source', 'target')]
    everything = [*features, *parameters]
    reaches = {'loss_adversarial': {0}, 'loss_discriminator': {2, 3, 4, 5}}
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value, rtol=1e-10, atol=1e-12)
        keep = dict(retain_graph=True, allow_unused=True)
        got = torch.autograd.grad(losses[name], everything, **keep)
        wanted = torch.autograd.grad(value, everything, **keep)
        assert {i for i, gradient in enumerate(got) if gradient is not None} == reaches[name]
        for index in reaches[name]:
            torch.testing.assert_close(got[index], wanted[index], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize('mode', ['fc', 'conv'])
@pytest.mark.parametrize('without', ['source', 'target', 'both'])
def test_no_labeled_position_gives_zero(mode, without):
    objective = build(mode)
    outputs = dict(source=output(0), target=output(1))
    for domain in ('source', 'target') if without == 'both' else (without,):
        outputs[domain].labels.fill_(255)
    losses = objective(outputs).losses
    assert all(torch.isfinite(value) for value in losses.values())
    if without != 'target':
        assert losses['loss_adversarial'] == 0
    if without == 'both':
        assert losses['loss_discriminator'] == 0
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    gradient = outputs['source'].features[-1].grad
    assert torch.isfinite(gradient).all() and gradient.any() == (without == 'target')
    assert all(torch.isfinite(value.grad).all() for value in objective.parameters())


@pytest.mark.parametrize('mode', ['fc', 'conv'])
def test_an_ignore_index_below_the_number_of_classes_is_no_class(mode):
    found = []
    for ignored in (255, 2):
        outputs = dict(source=output(0), target=output(1))
        for own in outputs.values():
            own.labels[own.labels == 2] = ignored
        found.append(build(mode, ignore_index=ignored)(outputs).losses)
    assert found[0] == found[1]


def test_accuracy_needs_class_and_domain_right():
    objective = build('conv')
    with torch.no_grad():  # always says "source, class 0"
        for value in objective.parameters():
            value.zero_()
        objective.discriminator.layers[2].bias[0] = 1
    outputs = dict(source=output(0), target=output(1))
    losses = objective(outputs).losses
    labels = outputs['source'].labels[:, torch.arange(5) * 8][:, :, torch.arange(7) * 7]
    share = (labels == 0).sum() / (labels != 255).sum()
    assert losses['accuracy_source'].item() == pytest.approx(share.item())
    assert losses['accuracy_target'] == 0


def test_an_unlabeled_target_is_refused():
    with pytest.raises(JointError, match=r'SemanticAdversarial\.target is "unlabeled"'):
        build('conv', target='unlabeled')


class Labels:
    """A segmentor with a teacher whose labels the test chooses."""

    def __init__(self, confidence, labels, active=True):
        self.label, self.active = lambda output: (confidence, labels), active

    def objective(self, name, kind, key):
        assert (name, key) == ('mean', 'SemanticAdversarial.teacher')
        return self


@pytest.mark.parametrize('mode', ['fc', 'conv'])
@pytest.mark.parametrize('active', [True, False])
def test_confident_teacher_labels_join_the_target(mode, active):
    outputs = dict(source=output(0), target=output(1, present=(0, 3)), unlabeled=output(2))
    confidence = torch.rand(2, 40, 49, generator=torch.Generator().manual_seed(0))
    confidence = confidence.round(decimals=1)  # some are the threshold
    labels = outputs['unlabeled'].labels.where(outputs['unlabeled'].labels != 255, 3)
    segmentor = Labels(confidence, labels, active)
    objective = build(mode, teacher='mean', threshold=0.6, segmentor=segmentor)
    assert objective.domains == ('source', 'target', 'unlabeled')
    outputs['unlabeled'].labels = None  # its own are never read
    loss = objective(outputs).losses['loss_discriminator']
    target = outputs['target']
    if active:
        confident = labels.where(confidence >= 0.6, 255)
        target = DomainOutput(
            torch.zeros(4, 3, 40, 49),
            torch.cat([target.labels, confident]),
            lambda x: x,
            features=(torch.cat([target.features[-1], outputs['unlabeled'].features[-1]]),),
            logits=None,
        )
    expected = reference(objective, outputs['source'], 0, detach=True)
    expected = 0.5 * (expected + reference(objective, target, CLASSES, detach=True))
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=1e-12)


def test_images_that_a_teacher_labels_have_the_targets_size():
    outputs = dict(source=output(0), target=output(1), unlabeled=output(2, size=(3, 4)))
    segmentor = Labels(torch.ones(2, 40, 49), torch.zeros(2, 40, 49, dtype=torch.long))
    objective = build('conv', teacher='mean', segmentor=segmentor)
    with pytest.raises(JointError, match=r'joins "target" and "unlabeled", .* crop both'):
        objective(outputs)


def test_the_teacher_labels_no_padding(monkeypatch):
    network = dict(mode='conv', in_channels=8, channels=4)
    aligned = dict(type='SemanticAdversarial', discriminator=network, teacher='mean', threshold=0.0)
    model = build_model(dict(mean=dict(type='Teacher'), aligned=aligned))
    found, samples = [], SemanticAdversarial._samples

    def recorded(self, output, labels):
        found.append(labels)
        return samples(self, output, labels)

    monkeypatch.setattr(SemanticAdversarial, '_samples', recorded)
    model.loss(**model.data_preprocessor(padded_batch(), training=True))
    assert torch.equal(found[-1] == 255, padding_of_batch())
